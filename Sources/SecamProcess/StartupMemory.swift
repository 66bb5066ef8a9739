import CLinux
import Glibc

/// Pages of the program's file and of its libraries that starting has read and running does not need.
///
/// The dynamic linker visits each of a hundred and more libraries, and Swift's runtime reads every conformance of every
/// image at the first dynamic cast: more than half of a service's resident memory.
enum StartupMemory {
    /// Takes all unmodified pages of programs and libraries out of this process.
    ///
    /// They stay in the kernel's cache as long as there is room, so that one that is needed again costs a fault, without
    /// a disk.
    static func release() {
        // Holds the dynamic linker's lock: no library comes or goes while its segments are walked.
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

    /// Whether the linker has written into segments that say that nobody does: such pages are in no file.
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
