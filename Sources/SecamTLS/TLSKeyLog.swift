import Glibc
import SecamBase

/// A file of the secrets of a client's connections, in the format that Wireshark reads (NSS key log). A
/// reader of the file can decrypt captured packets of these connections.
package final class TLSKeyLog: Sendable {
    package let path: String
    private let descriptor: CInt

    /// Opens a file to append to, or creates one that only its owner may read.
    ///
    /// - Throws: `file`.
    package init(path: String) throws(TLSError) {
        self.path = path
        descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw .file(path: path, operation: "open", reason: "\(SystemError.last)") }
    }

    deinit {
        close(descriptor)
    }

    /// Appends a line in one call, since other connections and programs may write to the same file. A line that cannot
    /// be written is lost: the connection matters more than its log.
    func append(_ line: String) {
        let bytes = Array(line.utf8) + [UInt8(ascii: "\n")]
        _ = unsafe write(descriptor, bytes, bytes.count)
    }
}
