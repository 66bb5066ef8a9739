import Glibc

/// Files that only their owner may read.
package enum SecretFile {
    /// Files of ours are small; anything larger is not one of them.
    package static let limit = 1 << 20

    package struct Failure: Error, Equatable, Sendable, CustomStringConvertible {
        package let path: String
        package let reason: String
        package let isMissing: Bool

        package var description: String { "\(path): \(reason)" }
    }

    /// Reads a text file.
    ///
    /// The group may read it too where it is root's and we are not root: that is how a secret is given to a service.
    ///
    /// - Throws: when it is not there, is too large, is not UTF-8, or others than its owner may read it.
    package static func read(_ path: String) throws(Failure) -> String {
        try read(path, forbidden: 0o077, reason: exposure(of: path))
    }

    fileprivate static func read(_ path: String, forbidden: UInt32, reason: String) throws(Failure) -> String {
        guard let text = String(validating: try bytes(path, forbidden: forbidden, reason: reason), as: UTF8.self) else {
            throw Failure(path: path, reason: "is not UTF-8 text", isMissing: false)
        }
        return text
    }

    /// - Parameter forbidden: permissions that the file must not have.
    private static func bytes(
        _ path: String, forbidden: UInt32, reason: String, limit: Int = limit
    ) throws(Failure) -> [UInt8] {
        // Else opening a pipe would wait for its writer.
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw failure(path) }
        defer { close(descriptor) }
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { throw failure(path) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw Failure(path: path, reason: "is not a file but a folder, a pipe or a device", isMissing: false)
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

    /// The same, whatever it holds.
    ///
    /// - Parameters:
    ///   - limit: bytes that the file may have.
    ///   - isSealed: others may read it, since it is encrypted.
    package static func readBytes(_ path: String, limit: Int = limit, isSealed: Bool = false) throws(Failure) -> [UInt8]
    {
        try bytes(path, forbidden: isSealed ? 0 : 0o077, reason: exposure(of: path), limit: limit)
    }

    private static func exposure(of path: String) -> String {
        "holds a secret but others may read it; run: chmod 600 '\(path)'"
    }

    /// The same; `nil` when there is no such file.
    package static func readIfThere(_ path: String) throws(Failure) -> String? {
        do throws(Failure) {
            return try read(path)
        } catch {
            guard error.isMissing else { throw error }
            return nil
        }
    }

    /// Writes a whole file, which is either the old one or the new one whatever happens.
    ///
    /// - Parameter mode: permissions; by default for the owner only.
    package static func write(_ text: String, to path: String, mode: UInt32 = 0o600) throws(Failure) {
        try write(Array(text.utf8), to: path, mode: mode)
    }

    /// The same with bytes.
    package static func write(_ bytes: [UInt8], to path: String, mode: UInt32 = 0o600) throws(Failure) {
        let temporary = "\(path).\(getpid()).new"
        // Never a file that is there already: whoever made it chose who may read it.
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

    /// Makes a folder that only its owner may enter, with those above it.
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
            throw Failure(path: path, reason: "is a file; a folder is needed", isMissing: false)
        }
        guard unsafe access(path, W_OK | X_OK) == 0 else { throw failure(path) }
    }

    /// What an administrator changes as root stays the service's: the owner of the file that is replaced, or of a folder
    /// that nobody else can look into.
    ///
    /// - Returns: whether the new file has the owner that it is to have.
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

/// Files that others may read, but that only their owner may write, since we act on them.
package enum TrustedFile {
    /// Reads a text file; `nil` when there is no such file.
    ///
    /// - Throws: when it is too large, is not UTF-8, or others than its owner may write it.
    package static func readIfThere(_ path: String) throws(SecretFile.Failure) -> String? {
        do throws(SecretFile.Failure) {
            return try SecretFile.read(
                path, forbidden: 0o022, reason: "others than its owner may write it; run: chmod 644 '\(path)'")
        } catch {
            guard error.isMissing else { throw error }
            return nil
        }
    }
}

extension SecretFile.Failure: ProgramError {
    package var exitStatus: ExitStatus { isMissing ? .noInput : .noPermission }
}
