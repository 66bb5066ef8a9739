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
        do throws(SystemError) {
            if try lock(descriptor, operation) { return descriptor }
        } catch {
            close(descriptor)
            throw failure(path, "cannot lock: ", error)
        }
        close(descriptor)
        return nil
    }

    private static func failure(_ path: String, _ what: String, _ error: SystemError = .last) -> SecretFile.Failure {
        SecretFile.Failure(path: path, reason: "\(what)\(error)", isMissing: error.code == ENOENT)
    }
}

/// Locks on the file itself, for as long as it is open.
extension FileLock {
    /// Waits for an exclusive lock on an open file.
    package static func lock(_ descriptor: CInt) throws(SystemError) { _ = try lock(descriptor, LOCK_EX) }

    /// Locks an open file unless another process holds a lock on it.
    @discardableResult
    package static func lockIfFree(_ descriptor: CInt) -> Bool {
        (try? lock(descriptor, LOCK_EX | LOCK_NB)) ?? false
    }

    package static func unlock(_ descriptor: CInt) { flock(descriptor, LOCK_UN) }

    /// Whether a file has a lock. A file that cannot be opened has none.
    package static func isLocked(_ path: String) -> Bool {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        return (try? lock(descriptor, LOCK_EX | LOCK_NB)) == false
    }

    /// - Returns: false when the lock is not free and `operation` does not wait.
    private static func lock(_ descriptor: CInt, _ operation: CInt) throws(SystemError) -> Bool {
        while flock(descriptor, operation) != 0 {
            switch errno {
            case EINTR: continue
            case EWOULDBLOCK: return false
            default: throw .last
            }
        }
        return true
    }
}
