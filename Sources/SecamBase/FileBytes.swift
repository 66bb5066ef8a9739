import Glibc

/// Whole contents of open files, in as many system calls as needed.
package enum FileBytes {
    /// Returns all bytes up to the end of the file; `nil` when there are more than `limit`.
    package static func read(_ descriptor: CInt, limit: Int) throws(SystemError) -> [UInt8]? {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = unsafe Glibc.read(descriptor, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw .last }
            if count == 0 { return bytes }
            bytes += chunk.prefix(count)
            guard bytes.count <= limit else { return nil }
        }
    }

    /// Writes all bytes.
    package static func write(_ bytes: [UInt8], to descriptor: CInt) throws(SystemError) {
        var written = 0
        while written < bytes.count {
            let count = unsafe bytes.withUnsafeBytes { buffer in
                unsafe Glibc.write(descriptor, buffer.baseAddress! + written, buffer.count - written)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw .last }
            written += count
        }
    }
}

/// Short files of the system, such as those in `/proc`.
package enum SystemFile {
    /// Maximum file size, bytes.
    private static let limit = 64 << 20

    /// Returns the text of a file; `nil` when it cannot be read.
    package static func read(_ path: String) -> String? {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        guard let bytes = try? FileBytes.read(descriptor, limit: limit) else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }
}
