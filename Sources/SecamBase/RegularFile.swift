import Glibc

/// A regular file that is open for reading.
package struct RegularFile: ~Copyable {
    package enum Failure: Error, Equatable, Sendable {
        case cannotOpen(SystemError)
        case cannotRead(SystemError)
        case notRegular
    }

    private let descriptor: CInt
    /// The permission bits.
    package let permissions: UInt32
    /// The user number of the owner.
    package let owner: UInt32
    /// The size when the file was opened, bytes.
    package let size: Int

    package init(_ path: String) throws(Failure) {
        // Opening a pipe would otherwise wait for its writer.
        let file = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard file >= 0 else { throw .cannotOpen(.last) }
        var status = stat()
        guard unsafe fstat(file, &status) == 0 else {
            let error = SystemError.last
            close(file)
            throw .cannotRead(error)
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            close(file)
            throw .notRegular
        }
        descriptor = file
        permissions = status.st_mode & 0o7777
        owner = status.st_uid
        size = Int(status.st_size)
    }

    deinit { close(descriptor) }

    /// Returns the bytes that were not read yet; `nil` when there are more than `limit`.
    package func bytes(limit: Int) throws(Failure) -> [UInt8]? {
        do throws(SystemError) {
            return try FileBytes.read(descriptor, limit: limit)
        } catch {
            throw .cannotRead(error)
        }
    }
}
