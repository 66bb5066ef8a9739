import Glibc
import SecamBase
import SecamMesh
import SecamRegistry
import SecamUsers

/// The contents of a backup: keys, certificate, users and policy of a data folder, without recordings and logs.
///
/// A backup file is sealed with a password (see `PasswordSeal`), under the magic `secam backup 1` and a line end. The sealed
/// part is a list of files, each with big-endian lengths:
///
///     2 bytes  length of the path
///     n        path below the data folder, UTF-8
///     4        length of the contents
///     n        contents
struct BackupContents: Equatable {
    static let magic = "secam backup 1\n"
    /// Bytes of a whole backup.
    static let limit = 64 << 20
    private static let users = "users.sqlite"
    private static let policy = "policy.yaml"

    private(set) var files: [(path: String, bytes: [UInt8])] = []

    static func == (left: BackupContents, right: BackupContents) -> Bool {
        left.files.elementsEqual(right.files) { $0.path == $1.path && $0.bytes == $1.bytes }
    }

    /// Reads a data folder. Services may use it meanwhile.
    init(of folder: DataFolder) throws {
        for subfolder in ["keys", "tls"] {
            for name in try Self.fileNames(in: "\(folder.path)/\(subfolder)") {
                let path = "\(subfolder)/\(name)"
                guard Self.isUsable(path) else { continue }
                files.append((path, try SecretFile.readBytes("\(folder.path)/\(path)")))
            }
        }
        let copy = "\(folder.users).\(getpid()).backup"
        defer { unsafe unlink(copy) }
        try UserStore(path: folder.users).copy(to: copy)
        guard unsafe chmod(copy, 0o600) == 0 else {
            throw CommandError("cannot make \(copy) private: \(SystemError.last)", .system)
        }
        files.append((Self.users, try SecretFile.readBytes(copy, limit: Self.limit)))
        if let text = try TrustedFile.readIfThere(folder.policy) { files.append((Self.policy, Array(text.utf8))) }
        guard bytes.count <= Self.limit else {
            throw CommandError("\(folder.path): \(bytes.count) bytes exceed a backup's \(Self.limit) bytes", .data)
        }
    }

    init(parsing bytes: [UInt8]) throws(CommandError) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let path = String(validating: try Self.field(&rest, lengthBytes: 2), as: UTF8.self)
            let contents = try Self.field(&rest, lengthBytes: 4)
            guard let path, Self.isUsable(path), !files.contains(where: { $0.path == path }) else {
                throw CommandError("the backup is malformed: it has an unknown or repeated file", .data)
            }
            files.append((path, Array(contents)))
        }
    }

    var bytes: [UInt8] {
        files.flatMap { file in
            Self.bigEndian(file.path.utf8.count, byteCount: 2) + Array(file.path.utf8)
                + Self.bigEndian(file.bytes.count, byteCount: 4) + file.bytes
        }
    }

    /// Writes the files to a data folder. No service may use it meanwhile.
    func write(to folder: DataFolder) throws {
        try folder.make()
        // SQLite's journals belong to the old users file.
        for suffix in ["-wal", "-shm"] { unsafe unlink(folder.users + suffix) }
        for file in files { try SecretFile.write(file.bytes, to: "\(folder.path)/\(file.path)") }
    }

    private static func isUsable(_ path: String) -> Bool {
        if path == users || path == policy { return true }
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, parts[0] == "keys" || parts[0] == "tls" else { return false }
        // Excludes locks and files that are being written.
        return !parts[1].isEmpty && !parts[1].hasPrefix(".") && parts[1] != "lock" && !parts[1].hasSuffix(".new")
            && !path.utf8.contains(0)
    }

    private static func bigEndian(_ number: Int, byteCount: Int) -> [UInt8] {
        (0..<byteCount).reversed().map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) }
    }

    private static func field(_ rest: inout ArraySlice<UInt8>, lengthBytes: Int) throws(CommandError) -> ArraySlice<
        UInt8
    > {
        let length = rest.prefix(lengthBytes).reduce(0) { $0 << 8 | Int($1) }
        guard rest.count >= lengthBytes, rest.count - lengthBytes >= length else {
            throw CommandError("the backup is cut off in the middle of a file", .data)
        }
        defer { rest = rest.dropFirst(lengthBytes + length) }
        return rest.dropFirst(lengthBytes).prefix(length)
    }

    /// Returns the sorted names of the files in a folder.
    private static func fileNames(in folder: String) throws(CommandError) -> [String] {
        do throws(SystemError) { return try FolderEntries.read(folder).filter { !$0.isFolder }.map(\.name) } catch {
            throw CommandError("\(folder): \(error)", .noInput)
        }
    }
}
