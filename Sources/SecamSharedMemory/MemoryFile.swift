import CLinux
import Glibc
import SecamBase
import Synchronization

/// A camera's memory file, with slots for its raw pictures. The camera writes, and encoders can only read.
@safe package final class MemoryFile: @unchecked Sendable {
    /// Identifies the file; other processes cannot predict it.
    package let number = UInt64.random(in: 1...UInt64.max)
    package let shape: MemoryShape
    let descriptor: CInt
    private let start: UnsafeMutableRawPointer

    private struct State {
        /// The slot that was freed last comes last: it is used next, because it is still in the processor's cache.
        var free: [Int]
        var lastGeneration: UInt64 = 0
    }

    private let state: Mutex<State>
    /// Whether the kernel counts the open files of this memory. Tested when no other process can have one yet.
    private let isCounted: Bool

    /// Creates a file and reserves its memory, which may take milliseconds.
    package init(_ shape: MemoryShape) throws(SharingFailure) {
        let file = unsafe secam_create_memory_file("secam-pictures")
        guard file >= 0 else { throw SharingFailure(system: "cannot create shared memory") }
        do throws(SharingFailure) {
            unsafe start = try MemoryFile.prepare(file, shape)
        } catch {
            close(file)
            throw error
        }
        descriptor = file
        isCounted = (try? MemoryFile.isOpenedOnce(file)) ?? false
        self.shape = shape
        state = Mutex(State(free: Array((0..<shape.slots).reversed())))
    }

    private static func prepare(_ file: CInt, _ shape: MemoryShape) throws(SharingFailure) -> UnsafeMutableRawPointer {
        guard ftruncate(file, shape.byteCount) == 0 else { throw SharingFailure(system: "cannot size shared memory") }
        // All of it now: later, a lack of memory would end this process.
        let status = posix_fallocate(file, 0, shape.byteCount)
        guard status == 0 else {
            throw SharingFailure(system: "cannot reserve shared memory", SystemError(code: status))
        }
        let address = unsafe mmap(nil, shape.byteCount, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0)
        guard let address = unsafe address, unsafe address != MAP_FAILED else {
            throw SharingFailure(system: "cannot map shared memory")
        }
        // Only now, because the last seal forbids further mappings for writing.
        guard secam_add_seals(file, secam_final_seals) == 0 else {
            let failure = SharingFailure(system: "cannot seal shared memory, which needs Linux 5.1")
            unsafe munmap(address, shape.byteCount)
            throw failure
        }
        return unsafe address
    }

    deinit {
        unsafe munmap(start, shape.byteCount)
        close(descriptor)
    }

    /// Opens the file once more, for reading only. Each encoder gets its own open file, so that the kernel counts them.
    func openForReading() throws(SharingFailure) -> CInt { try MemoryFile.open(descriptor) }

    private static func open(_ file: CInt) throws(SharingFailure) -> CInt {
        let opened = unsafe Glibc.open("/proc/self/fd/\(file)", O_RDONLY | O_CLOEXEC)
        guard opened >= 0 else { throw SharingFailure(system: "cannot open shared memory for an encoder") }
        return opened
    }

    private static func isOpenedOnce(_ file: CInt) throws(SharingFailure) -> Bool {
        let opened = try open(file)
        defer { close(opened) }
        return secam_is_only_reader(opened)
    }

    /// Whether an encoder has the file open or mapped, or will receive it. Its memory then stays occupied, whatever this
    /// process releases.
    package var isHeldElsewhere: Bool {
        guard isCounted else { return false }
        return ((try? MemoryFile.isOpenedOnce(descriptor)) ?? false) == false
    }

    /// Number of slots without a picture.
    package var freeSlots: Int { state.withLock(\.free.count) }

    /// Writes a picture into a free slot.
    ///
    /// - Parameter length: of the picture, bytes.
    /// - Returns: the slot, which is free again after the last reference to it; `nil` if none is free or long enough.
    package func slot<Failure: Error>(
        length: Int, fill: (inout MutableSpan<UInt8>) throws(Failure) -> Void
    ) throws(Failure) -> PictureSlot? {
        guard (1...shape.pictureLimit).contains(length) else { return nil }
        let taken: (index: Int, generation: UInt64)? = state.withLock { state in
            guard let index = state.free.popLast() else { return nil }
            state.lastGeneration += 1
            return (index, state.lastGeneration)
        }
        guard let taken, let offset = shape.offset(of: taken.index) else { return nil }
        // Released even if `fill` fails.
        let slot = PictureSlot(file: self, index: taken.index, generation: taken.generation, length: length)
        unsafe secam_begin_picture(start + offset, taken.generation)
        let picture = unsafe UnsafeMutableRawBufferPointer(
            start: start + offset + MemoryShape.headerLength, count: length)
        var span = unsafe MutableSpan<UInt8>(_unsafeBytes: picture)
        try fill(&span)
        return slot
    }

    fileprivate func release(_ index: Int) { state.withLock { $0.free.append(index) } }

    fileprivate func withBytes<Result, Failure: Error>(
        of slot: PictureSlot, _ body: (Span<UInt8>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        guard let offset = shape.offset(of: slot.index) else { preconditionFailure("the slot is of another file") }
        let picture = unsafe UnsafeRawBufferPointer(
            start: start + offset + MemoryShape.headerLength, count: slot.length)
        return try body(unsafe Span<UInt8>(_unsafeBytes: picture))
    }
}

/// A picture in a slot of a memory file. The slot is free for another picture after the last reference to this one.
package final class PictureSlot: Sendable {
    package let file: MemoryFile
    package let index: Int
    package let generation: UInt64
    /// Length of the picture, bytes.
    package let length: Int

    fileprivate init(file: MemoryFile, index: Int, generation: UInt64, length: Int) {
        self.file = file
        self.index = index
        self.generation = generation
        self.length = length
    }

    deinit { file.release(index) }

    /// Calls `body` with the picture, which is valid only during the call.
    package func withBytes<Result, Failure: Error>(
        _ body: (Span<UInt8>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try file.withBytes(of: self, body)
    }

    /// Copies the picture into the first bytes of `target`, which must have room for it.
    package func copy(into target: inout MutableSpan<UInt8>) {
        precondition(target.count >= length, "no room for the picture")
        withBytes { picture in
            unsafe picture.withUnsafeBytes { source in
                unsafe target.withUnsafeMutableBytes { unsafe $0.copyMemory(from: source) }
            }
        }
    }
}
