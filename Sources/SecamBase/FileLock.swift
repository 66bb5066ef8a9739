import Glibc

/// A lock between processes, held on a lock file. It is released when its value or the process ends.
package struct FileLock: ~Copyable, Sendable {
    /// The lock file, open for reading and writing.
    package let descriptor: CInt

    /// Waits for an exclusive lock, usually for milliseconds.
    ///
    /// - Parameter path: the lock file, created if missing.
    package init(_ path: String) throws(SecretFile.Failure) {
        // A lock that is waited for is never refused.
        descriptor = try FileLock.acquire(path, LOCK_EX, O_CREAT, 0o600)!
    }

    /// Locks without waiting; `nil` if another process holds the lock.
    ///
    /// - Parameters:
    ///   - path: the lock file.
    ///   - isShared: whether other shared locks are allowed at the same time.
    ///   - isCreated: whether the file is created if missing.
    ///   - permissions: permissions of a created file.
    package init?(
        ifFree path: String, isShared: Bool = false, isCreated: Bool = true, permissions: UInt32 = 0o600
    ) throws(SecretFile.Failure) {
        let operation = (isShared ? LOCK_SH : LOCK_EX) | LOCK_NB
        guard let descriptor = try FileLock.acquire(path, operation, isCreated ? O_CREAT : 0, permissions) else {
            return nil
        }
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }

    private static func acquire(
        _ path: String, _ operation: CInt, _ flags: CInt, _ permissions: UInt32
    ) throws(SecretFile.Failure) -> CInt? {
        let descriptor = unsafe open(path, flags | O_RDWR | O_CLOEXEC | O_NOFOLLOW, permissions)
        guard descriptor >= 0 else { throw failure(path, "") }
        while flock(descriptor, operation) != 0 {
            let code = errno
            guard code != EINTR else { continue }
            let failure = failure(path, "cannot lock: ")
            close(descriptor)
            guard code != EWOULDBLOCK else { return nil }
            throw failure
        }
        return descriptor
    }

    private static func failure(_ path: String, _ what: String) -> SecretFile.Failure {
        SecretFile.Failure(
            path: path, reason: "\(what)\(unsafe String(cString: strerror(errno)))", isMissing: errno == ENOENT)
    }
}
