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
        let (isExposed, content): (Bool, [UInt8]?)
        do throws(RegularFile.Failure) {
            let file = try RegularFile(path)
            let isGiven = file.owner == 0 && geteuid() != 0
            isExposed = file.permissions & (isGiven ? forbidden & ~0o040 : forbidden) != 0
            content = isExposed ? nil : try file.bytes(limit: limit)
        } catch {
            switch error {
            case .cannotOpen(let error), .cannotRead(let error): throw failure(path, error)
            case .notRegular: throw Failure(path: path, reason: "is not a regular file", isMissing: false)
            }
        }
        guard let content else {
            let reason = isExposed ? reason : "is larger than \(limit) bytes"
            throw Failure(path: path, reason: reason, isMissing: false)
        }
        return content
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
        do throws(SystemError) {
            let file = try PendingFile(for: path, permissions: mode)
            try keepOwner(file.descriptor, path)
            try file.write(bytes)
            try file.synchronize()
            try file.replace()
        } catch {
            throw failure(path, error)
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
        try checkWritableFolder(path)
    }

    /// Checks that a folder is writable, or can be created by `makeFolder`.
    package static func checkFolder(_ path: String) throws(Failure) {
        var existing = path.hasPrefix("/") ? "/" : "."
        var prefix = path.hasPrefix("/") ? "" : "."
        for part in path.split(separator: "/") {
            prefix += "/\(part)"
            guard unsafe access(prefix, F_OK) == 0 else {
                guard errno == ENOENT else { throw failure(prefix) }
                break
            }
            existing = prefix
        }
        try checkWritableFolder(existing)
    }

    private static func checkWritableFolder(_ path: String) throws(Failure) {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { throw failure(path) }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            throw Failure(path: path, reason: "is not a folder", isMissing: false)
        }
        guard unsafe access(path, W_OK | X_OK) == 0 else { throw failure(path) }
    }

    /// Keeps the service's ownership of a file that root replaces: the new file gets the owner of the old one, or else
    /// of a private folder.
    private static func keepOwner(_ descriptor: CInt, _ path: String) throws(SystemError) {
        guard geteuid() == 0 else { return }
        var status = stat()
        let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
        let isReplaced = unsafe lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
        guard unsafe isReplaced || (stat(folder, &status) == 0 && status.st_mode & 0o077 == 0) else { return }
        guard fchown(descriptor, status.st_uid, status.st_gid) == 0 else { throw .last }
    }

    private static func failure(_ path: String, _ error: SystemError = .last) -> Failure {
        Failure(path: path, reason: "\(error)", isMissing: error.code == ENOENT)
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
