import Glibc
import SecamBase
import SecamCrypto

/// Computes the SHA-256 of a file, reading it in chunks.
enum FileDigest {
    private static let chunkBytes = 1 << 20

    static func hash(_ path: String) throws(RecordingError) -> [UInt8] {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            throw .file(path: path, operation: "opening", reason: "\(SystemError.last)")
        }
        defer { close(descriptor) }
        do {
            var digest = try SHA256Digest.Stream()
            var buffer = [UInt8](repeating: 0, count: chunkBytes)
            while true {
                let count = unsafe Glibc.read(descriptor, &buffer, buffer.count)
                guard count >= 0 else {
                    throw RecordingError.file(
                        path: path, operation: "reading", reason: "\(SystemError.last)")
                }
                guard count > 0 else { return try digest.finish() }
                try digest.update(buffer.span.extracting(first: count))
            }
        } catch let error as RecordingError {
            throw error
        } catch {
            throw .digest(path: path, reason: "\(error)")
        }
    }
}
