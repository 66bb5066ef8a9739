import Glibc
import SecamBase

/// Reads and writes whole small files.
enum FileIO {
    /// Returns a file's bytes.
    ///
    /// - Throws: `file`, also when the file is longer than `limit` bytes.
    static func read(_ path: String, limit: Int) throws(ClientError) -> [UInt8] {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .file(path: path, operation: "read", reason: "\(SystemError.last)") }
        defer { close(descriptor) }
        let bytes: [UInt8]?
        do throws(SystemError) { bytes = try FileBytes.read(descriptor, limit: limit) } catch {
            throw .file(path: path, operation: "read", reason: "\(error)")
        }
        guard let bytes else {
            throw .file(path: path, operation: "read", reason: "it is longer than \(limit) bytes")
        }
        return bytes
    }

    /// Writes all bytes, in as many calls as needed.
    static func writeAll(_ bytes: some Sequence<UInt8>, to descriptor: Int32, path: String) throws(ClientError) {
        do throws(SystemError) { try FileBytes.write(Array(bytes), to: descriptor) } catch {
            throw .file(path: path, operation: "write", reason: "\(error)")
        }
    }

    static func exists(_ path: String) -> Bool {
        var status = stat()
        return unsafe lstat(path, &status) == 0
    }

    /// Creates a folder unless it exists.
    static func makeFolder(_ path: String) throws(ClientError) {
        guard unsafe mkdir(path, 0o755) == 0 || errno == EEXIST else {
            throw .file(path: path, operation: "create the folder", reason: "\(SystemError.last)")
        }
    }

    /// Creates a file. When it replaces a file, the old one stays until the new one is complete.
    ///
    /// - Throws: `fileExists` unless `replacing`.
    static func create(_ path: String, _ bytes: some Sequence<UInt8>, replacing: Bool) throws(ClientError) {
        if replacing { return try replace(path, Array(bytes)) }
        let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_EXCL, 0o644)
        guard descriptor >= 0 else {
            if errno == EEXIST { throw .fileExists(path: path) }
            throw .file(path: path, operation: "create", reason: "\(SystemError.last)")
        }
        defer { close(descriptor) }
        do throws(ClientError) {
            try writeAll(bytes, to: descriptor, path: path)
        } catch {
            unsafe unlink(path)
            throw error
        }
    }

    private static func replace(_ path: String, _ bytes: [UInt8]) throws(ClientError) {
        var operation = "create"
        do throws(SystemError) {
            let file = try PendingFile(for: path, permissions: 0o644)
            operation = "write"
            try file.write(bytes)
            operation = "replace"
            try file.replace()
        } catch {
            throw .file(path: path, operation: operation, reason: "\(error)")
        }
    }
}
