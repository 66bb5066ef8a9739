import Glibc
import SecamBase
import SecamCrypto

/// Small files of certificates and keys.
enum PEMFile {
    /// Returns a whole file with its permission bits.
    static func read(_ path: String) throws(TLSError) -> (bytes: [UInt8], mode: mode_t) {
        let (content, size, mode): ([UInt8]?, Int, mode_t)
        do throws(RegularFile.Failure) {
            let file = try RegularFile(path)
            (size, mode) = (file.size, file.permissions & 0o777)
            content = try file.bytes(limit: TLSLimits.pemFileBytes)
        } catch {
            switch error {
            case .cannotOpen(let error): throw .file(path: path, operation: "open", reason: "\(error)")
            case .cannotRead(let error): throw .file(path: path, operation: "read", reason: "\(error)")
            case .notRegular: throw .malformedFile(path: path, reason: "not a regular file")
            }
        }
        guard size > 0 else { throw .malformedFile(path: path, reason: "the file is empty") }
        guard let content else {
            throw .malformedFile(path: path, reason: "larger than \(TLSLimits.pemFileBytes) bytes, too large for PEM")
        }
        return (content, mode)
    }

    /// Creates a file of mode 0600 atomically and durably.
    ///
    /// - Returns: false when the file already exists, and is left unchanged.
    static func create(_ path: String, _ bytes: [UInt8]) throws(TLSError) -> Bool {
        // Gateways in different containers may have the same process number.
        let writer = "\(getpid()).\(try randomNumber())"
        do throws(SystemError) {
            let file = try PendingFile(for: path, permissions: 0o600, writer: writer)
            try file.write(bytes)
            try file.synchronize()
            return try file.create()
        } catch {
            throw .file(path: path, operation: "create", reason: "\(error)")
        }
    }

    static func exists(_ path: String) -> Bool {
        unsafe access(path, F_OK) == 0
    }

    static func makeDirectory(_ path: String) throws(TLSError) {
        guard unsafe mkdir(path, 0o700) == 0 || errno == EEXIST else {
            throw .file(path: path, operation: "create the directory", reason: "\(SystemError.last)")
        }
    }
}
