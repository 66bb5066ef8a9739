import CLinux
import Glibc
import SecamBase

/// A camera's memory file in an encoder, which can only read it. The camera may write at any time.
@safe package final class MappedMemory: @unchecked Sendable {
    package let number: UInt64
    package let shape: MemoryShape
    private let start: UnsafeRawPointer

    /// The reason why a slot does not hold the picture of a job.
    package enum SlotFailure: Error, Equatable, Sendable, CustomStringConvertible {
        case outOfRange
        /// The camera has reused the slot for a later picture.
        case recycled

        package var description: String {
            switch self {
            case .outOfRange: "slot or length is outside of the shared memory"
            case .recycled: "the picture in shared memory was replaced"
            }
        }
    }

    /// Maps a file. It may be closed afterwards.
    ///
    /// - Throws: unless the file has exactly this shape and can never change its size, lose a page or be mapped for
    ///   writing. An access to a page that is gone would end this process.
    package init(_ file: CInt, number: UInt64, shape: MemoryShape) throws(SharingFailure) {
        let seals = secam_get_seals(file)
        guard seals >= 0 else { throw SharingFailure("the camera's file is no memory file") }
        guard seals & secam_final_seals == secam_final_seals else {
            throw SharingFailure("the camera's memory file is not sealed")
        }
        // Files with huge pages lack pages that were never reserved.
        guard secam_is_in_tmpfs(file) else { throw SharingFailure("the camera's memory file is of another kind") }
        var status = stat()
        guard unsafe fstat(file, &status) == 0 else {
            throw SharingFailure(system: "cannot check the camera's memory file")
        }
        guard Int(status.st_size) == shape.byteCount else {
            throw SharingFailure("the camera's memory file has \(status.st_size) bytes, not \(shape.byteCount)")
        }
        // Otherwise reading would reserve the rest, which would count as memory of this process.
        guard Int(status.st_blocks) * 512 >= shape.byteCount else {
            throw SharingFailure("the camera's memory file has pages without memory")
        }
        let address = unsafe mmap(nil, shape.byteCount, PROT_READ, MAP_SHARED, file, 0)
        guard let address = unsafe address, unsafe address != MAP_FAILED else {
            throw SharingFailure(system: "cannot map the camera's memory file")
        }
        unsafe start = UnsafeRawPointer(address)
        self.number = number
        self.shape = shape
    }

    deinit { unsafe munmap(UnsafeMutableRawPointer(mutating: start), shape.byteCount) }

    /// Calls `body` with a picture, whose bytes may change during the call.
    ///
    /// - Throws: also when the picture was replaced during the call. The result is worthless then.
    package func withPicture<Result>(
        slot: Int, generation: UInt64, length: Int, _ body: (Span<UInt8>) -> Result
    ) throws(SlotFailure) -> Result {
        guard let offset = shape.offset(of: slot), (1...shape.pictureLimit).contains(length) else {
            throw .outOfRange
        }
        guard unsafe secam_generation_before(start + offset) == generation else { throw .recycled }
        let picture = unsafe UnsafeRawBufferPointer(
            start: start + offset + MemoryShape.headerLength, count: length)
        let result = body(unsafe Span<UInt8>(_unsafeBytes: picture))
        guard unsafe secam_generation_after(start + offset) == generation else { throw .recycled }
        return result
    }
}

extension MemoryFile {
    /// Maps the file as an encoder does.
    package func mapped() throws(SharingFailure) -> MappedMemory {
        let file = try openForReading()
        defer { close(file) }
        return try MappedMemory(file, number: number, shape: shape)
    }
}
