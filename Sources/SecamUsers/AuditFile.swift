import Glibc
import SecamBase

/// An append-only file of mode 0600 that several processes may write.
///
/// The file is rotated when it exceeds its size: it becomes `.1`, the old `.1` becomes `.2` and so on. When another program
/// moves the file away, a new one is started.
struct AuditFile: ~Copyable {
    let path: String
    private let maximumBytes: Int
    private let keptFiles: Int
    private var descriptor: CInt

    /// Opens or creates the file.
    ///
    /// - Parameters:
    ///   - maximumBytes: the size at which the file is rotated.
    ///   - keptFiles: the number of rotated files that are kept.
    init(path: String, maximumBytes: Int, keptFiles: Int) throws(UsersError) {
        precondition(maximumBytes > 0 && keptFiles > 0, "AuditFile: size out of range")
        self.path = path
        self.maximumBytes = maximumBytes
        self.keptFiles = keptFiles
        descriptor = try Self.open(path)
    }

    deinit {
        close(descriptor)
    }

    mutating func append(_ text: String) throws(UsersError) {
        let bytes = Array(text.utf8)
        // Another process must not move the file between the check and the write.
        try lockCurrentFile()
        defer { FileLock.unlock(descriptor) }
        // Another process may fill the new file before it is locked here, so that each rotation is followed by a check.
        while case let size = try size(), size > 0, size + bytes.count > maximumBytes {
            try rotate()
            try lockCurrentFile()
        }
        guard unsafe Glibc.write(descriptor, bytes, bytes.count) == bytes.count else {
            throw .last(path: path, operation: "write")
        }
    }

    private func size() throws(UsersError) -> Int {
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { throw .last(path: path, operation: "read") }
        return Int(status.st_size)
    }

    /// Locks the file that has the log's name now. Opens it first when it is not the file that is open.
    private mutating func lockCurrentFile() throws(UsersError) {
        while true {
            do throws(SystemError) { try FileLock.lock(descriptor) } catch {
                throw .file(path: path, operation: "lock", reason: "\(error)")
            }
            var held = stat()
            var named = stat()
            if unsafe fstat(descriptor, &held) == 0, unsafe stat(path, &named) == 0, held.st_ino == named.st_ino,
                held.st_dev == named.st_dev
            {
                return
            }
            let fresh = try Self.open(path)
            close(descriptor)
            descriptor = fresh
        }
    }

    private func rotate() throws(UsersError) {
        for number in stride(from: keptFiles - 1, through: 1, by: -1) {
            unsafe rename("\(path).\(number)", "\(path).\(number + 1)")
        }
        guard unsafe rename(path, "\(path).1") == 0 else { throw .last(path: path, operation: "rename") }
    }

    private static func open(_ path: String) throws(UsersError) -> CInt {
        let descriptor = unsafe Glibc.open(path, O_CREAT | O_APPEND | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw .last(path: path, operation: "open") }
        guard fchmod(descriptor, 0o600) == 0 else {
            close(descriptor)
            throw .last(path: path, operation: "restrict the permissions of")
        }
        return descriptor
    }
}
