import Glibc

/// Files that only their owner can read.
package enum SecretFile {
    /// Maximum file size by default, bytes.
    package static let limit = 1 << 20

    package struct Failure: Error, Equatable, Sendable, CustomStringConvertible {
        package let path: String
        package let reason: String
        package let isMissing: Bool

        package var description: String { "\(path): \(reason)" }
    }

    /// Reads a text file.
    ///
    /// A file of root may also be readable by its group if this process is not root: secrets are passed to a service
    /// this way.
    ///
    /// - Throws: when the file is missing, too large, not UTF-8, or readable by other users.
    package static func read(_ path: String) throws(Failure) -> String {
        try read(path, forbidden: 0o077, reason: exposure(of: path))
    }

    fileprivate static func read(_ path: String, forbidden: UInt32, reason: String) throws(Failure) -> String {
        guard let text = String(validating: try bytes(path, forbidden: forbidden, reason: reason), as: UTF8.self) else {
            throw Failure(path: path, reason: "is not UTF-8 text", isMissing: false)
        }
        return text
    }

    /// - Parameter forbidden: permission bits that the file must not have.
    private static func bytes(
        _ path: String, forbidden: UInt32, reason: String, limit: Int = limit
    ) throws(Failure) -> [UInt8] {
        // Opening a pipe would otherwise wait for its writer.
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw failure(path) }
        defer { close(descriptor) }
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { throw failure(path) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw Failure(path: path, reason: "is not a regular file", isMissing: false)
        }
        let isGiven = status.st_uid == 0 && geteuid() != 0
        guard status.st_mode & (isGiven ? forbidden & ~0o040 : forbidden) == 0 else {
            throw Failure(path: path, reason: reason, isMissing: false)
        }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = unsafe Glibc.read(descriptor, &chunk, chunk.count)
            guard count >= 0 else { throw failure(path) }
            guard count > 0 else { break }
            bytes += chunk.prefix(count)
            guard bytes.count <= limit else {
                throw Failure(path: path, reason: "is larger than \(limit) bytes", isMissing: false)
            }
        }
        return bytes
    }

    /// Reads a file of arbitrary bytes.
    ///
    /// - Parameters:
    ///   - limit: maximum file size, bytes.
    ///   - isSealed: whether other users may read the file because it is encrypted.
    package static func readBytes(_ path: String, limit: Int = limit, isSealed: Bool = false) throws(Failure) -> [UInt8]
    {
        try bytes(path, forbidden: isSealed ? 0 : 0o077, reason: exposure(of: path), limit: limit)
    }

    private static func exposure(of path: String) -> String {
        "holds a secret but other users can read it; run: chmod 600 '\(path)'"
    }

    /// Reads a text file; returns `nil` when it does not exist.
    package static func readIfThere(_ path: String) throws(Failure) -> String? {
        do throws(Failure) {
            return try read(path)
        } catch {
            guard error.isMissing else { throw error }
            return nil
        }
    }

    /// Replaces a file atomically: a failure or crash leaves the old file or the new one.
    ///
    /// - Parameter mode: permission bits; by default for the owner only.
    package static func write(_ text: String, to path: String, mode: UInt32 = 0o600) throws(Failure) {
        try write(Array(text.utf8), to: path, mode: mode)
    }

    /// Replaces a file atomically.
    package static func write(_ bytes: [UInt8], to path: String, mode: UInt32 = 0o600) throws(Failure) {
        let temporary = "\(path).\(getpid()).new"
        // An existing file must not be reused: its creator chose who can read it.
        unsafe unlink(temporary)
        let descriptor = unsafe open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode)
        guard descriptor >= 0 else { throw failure(temporary) }
        var written = 0
        var isFine = keepOwner(descriptor, path)
        while written < bytes.count, isFine {
            let count = unsafe bytes.withUnsafeBytes { buffer in
                unsafe Glibc.write(descriptor, buffer.baseAddress! + written, buffer.count - written)
            }
            isFine = count > 0
            written += max(0, count)
        }
        isFine = isFine && fsync(descriptor) == 0
        let problem = failure(temporary)
        close(descriptor)
        guard isFine else {
            unsafe unlink(temporary)
            throw problem
        }
        guard unsafe rename(temporary, path) == 0 else {
            let problem = failure(path)
            unsafe unlink(temporary)
            throw problem
        }
    }

    /// Creates a folder that only its owner can enter, and its parents.
    package static func makeFolder(_ path: String) throws(Failure) {
        var prefix = path.hasPrefix("/") ? "" : "."
        for part in path.split(separator: "/") {
            prefix += "/\(part)"
            guard unsafe mkdir(prefix, 0o700) != 0, errno != EEXIST else { continue }
            throw failure(prefix)
        }
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { throw failure(path) }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            throw Failure(path: path, reason: "is not a folder", isMissing: false)
        }
        guard unsafe access(path, W_OK | X_OK) == 0 else { throw failure(path) }
    }

    /// Keeps the service's ownership of a file that root replaces: the new file gets the owner of the old one, or else
    /// of a private folder.
    ///
    /// - Returns: false when the owner could not be set.
    private static func keepOwner(_ descriptor: Int32, _ path: String) -> Bool {
        guard geteuid() == 0 else { return true }
        var status = stat()
        let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
        let isReplaced = unsafe lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
        guard unsafe isReplaced || (stat(folder, &status) == 0 && status.st_mode & 0o077 == 0) else { return true }
        return fchown(descriptor, status.st_uid, status.st_gid) == 0
    }

    private static func failure(_ path: String) -> Failure {
        let code = errno
        return Failure(path: path, reason: unsafe String(cString: strerror(code)), isMissing: code == ENOENT)
    }
}

/// Files that other users may read but not write, because the program acts on their content.
package enum TrustedFile {
    /// Reads a text file; returns `nil` when it does not exist.
    ///
    /// - Throws: when the file is too large, not UTF-8, or writable by other users.
    package static func readIfThere(_ path: String) throws(SecretFile.Failure) -> String? {
        do throws(SecretFile.Failure) {
            return try SecretFile.read(
                path, forbidden: 0o022, reason: "other users can write it; run: chmod 644 '\(path)'")
        } catch {
            guard error.isMissing else { throw error }
            return nil
        }
    }
}

extension SecretFile.Failure: ProgramError {
    package var exitStatus: ExitStatus { isMissing ? .noInput : .noPermission }
}
