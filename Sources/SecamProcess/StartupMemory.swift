import CLinux
import Glibc

/// Resident pages of the program's file and libraries that were needed only at start.
///
/// The dynamic linker reads each of more than a hundred libraries, and Swift's runtime reads every conformance of every
/// image at the first dynamic cast. Together they are more than half of a service's resident memory.
enum StartupMemory {
    /// Releases all unmodified pages of programs and libraries.
    ///
    /// The kernel keeps them in its cache while it has room, so using a page again usually costs a page fault without a
    /// disk access.
    static func release() {
        // The call holds the dynamic linker's lock: no library is loaded or unloaded while its segments are walked.
        _ = unsafe secam_dl_iterate_phdr(
            { image, _, _ in
                if let image = unsafe image?.pointee { unsafe StartupMemory.release(image) }
                return 0
            }, nil)
    }

    private static func release(_ image: secam_linker_image) {
        let segments = unsafe UnsafeBufferPointer(start: image.segments, count: Int(image.segment_count))
        guard unsafe !hasTextRelocations(image, segments) else { return }
        let page = UInt(getpagesize())
        for index in segments.indices {
            let segment = unsafe segments[index]
            guard segment.p_type == UInt32(PT_LOAD), segment.p_flags & UInt32(PF_W) == 0 else { continue }
            let start = unsafe UInt(image.address) + UInt(segment.p_vaddr)
            let first = start & ~(page - 1)
            let length = Int(start + UInt(segment.p_filesz) - first)
            unsafe madvise(UnsafeMutableRawPointer(bitPattern: first), length, MADV_DONTNEED)
        }
    }

    /// Returns whether the linker has written into read-only segments; such pages cannot be read from the file again.
    private static func hasTextRelocations(
        _ image: secam_linker_image, _ segments: UnsafeBufferPointer<Elf64_Phdr>
    ) -> Bool {
        for index in segments.indices {
            let segment = unsafe segments[index]
            guard segment.p_type == UInt32(PT_DYNAMIC) else { continue }
            var entry = unsafe UnsafePointer<Elf64_Dyn>(
                bitPattern: UInt(image.address) + UInt(segment.p_vaddr))
            while let current = unsafe entry?.pointee, current.d_tag != Int64(DT_NULL) {
                let flags = unsafe current.d_tag == Int64(DT_FLAGS) ? current.d_un.d_val : 0
                if current.d_tag == Int64(DT_TEXTREL) || flags & UInt64(DF_TEXTREL) != 0 { return true }
                unsafe entry = entry?.successor()
            }
        }
        return false
    }
}
