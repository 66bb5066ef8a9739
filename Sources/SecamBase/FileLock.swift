import Glibc

/// Held by the one process that does something to a file or folder just now; the others wait, for milliseconds.
///
/// A lock on a file of its own. Its end, like the end of the process, lets the next one have its turn.
package struct FileLock: ~Copyable {
    private let descriptor: CInt

    /// - Parameter path: of the lock's file, made where there is none.
    package init(_ path: String) throws(SecretFile.Failure) {
        descriptor = unsafe open(path, O_CREAT | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw FileLock.failure(path, "") }
        while flock(descriptor, LOCK_EX) != 0 {
            guard errno == EINTR else {
                let failure = FileLock.failure(path, "cannot be locked: ")
                close(descriptor)
                throw failure
            }
        }
    }

    deinit { close(descriptor) }

    private static func failure(_ path: String, _ what: String) -> SecretFile.Failure {
        SecretFile.Failure(
            path: path, reason: "\(what)\(unsafe String(cString: strerror(errno)))", isMissing: errno == ENOENT)
    }
}
