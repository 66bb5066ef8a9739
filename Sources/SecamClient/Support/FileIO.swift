import Glibc

/// Reads and writes whole small files.
enum FileIO {
    /// Returns the text of an error number.
    static func reason(_ number: Int32 = errno) -> String { unsafe String(cString: strerror(number)) }

    /// Returns a file's bytes.
    ///
    /// - Throws: `file`, also when the file is longer than `limit` bytes.
    static func read(_ path: String, limit: Int) throws(ClientError) -> [UInt8] {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .file(path: path, operation: "read", reason: reason()) }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = unsafe Glibc.read(descriptor, &part, part.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw .file(path: path, operation: "read", reason: reason()) }
            if count == 0 { return bytes }
            bytes += part[..<count]
            guard bytes.count <= limit else {
                throw .file(path: path, operation: "read", reason: "it is longer than \(limit) bytes")
            }
        }
    }

    /// Writes all bytes, in as many calls as needed.
    static func writeAll(_ bytes: some Sequence<UInt8>, to descriptor: Int32, path: String) throws(ClientError) {
        let bytes = Array(bytes)
        var offset = 0
        while offset < bytes.count {
            let count = unsafe bytes.withUnsafeBytes { bytes in
                unsafe write(descriptor, bytes.baseAddress! + offset, bytes.count - offset)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw .file(path: path, operation: "write", reason: reason()) }
            offset += count
        }
    }

    /// Writes a line to standard output.
    static func printLine(_ text: String) throws(ClientError) {
        try writeAll((text + "\n").utf8, to: STDOUT_FILENO, path: "standard output")
    }

    static func exists(_ path: String) -> Bool {
        var status = stat()
        return unsafe lstat(path, &status) == 0
    }

    /// Creates a folder unless it exists.
    static func makeFolder(_ path: String) throws(ClientError) {
        guard unsafe mkdir(path, 0o755) == 0 || errno == EEXIST else {
            throw .file(path: path, operation: "create the folder", reason: reason())
        }
    }

    /// Creates a file. When it replaces a file, the old one stays until the new one is complete.
    ///
    /// - Throws: `fileExists` unless `replacing`.
    static func create(_ path: String, _ bytes: some Sequence<UInt8>, replacing: Bool) throws(ClientError) {
        let written = replacing ? "\(path).\(getpid()).tmp" : path
        let flags = O_WRONLY | O_CREAT | O_CLOEXEC | (replacing ? O_TRUNC : O_EXCL)
        let descriptor = unsafe open(written, flags, 0o644)
        guard descriptor >= 0 else {
            if errno == EEXIST { throw .fileExists(path: path) }
            throw .file(path: path, operation: "create", reason: reason())
        }
        do throws(ClientError) {
            defer { close(descriptor) }
            try writeAll(bytes, to: descriptor, path: path)
        } catch {
            unsafe unlink(written)
            throw error
        }
        if replacing, unsafe rename(written, path) != 0 {
            let error = ClientError.file(path: path, operation: "replace", reason: reason())
            unsafe unlink(written)
            throw error
        }
    }
}

/// Messages to the user, on standard error.
enum StandardError {
    static func line(_ text: String) { self.text("secam-view: \(text)\n") }

    static func text(_ text: String) {
        let bytes = Array(text.utf8)
        _ = unsafe write(STDERR_FILENO, bytes, bytes.count)
    }
}
