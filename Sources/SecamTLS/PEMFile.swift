import Glibc
import SecamCrypto

/// Small files of certificates and keys.
enum PEMFile {
    /// Returns a whole file with its permission bits.
    static func read(_ path: String) throws(TLSError) -> (bytes: [UInt8], mode: mode_t) {
        // Opening a pipe would otherwise wait for its writer.
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw failure("open", path) }
        defer { close(descriptor) }
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { throw failure("read", path) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw .malformedFile(path: path, reason: "not a regular file")
        }
        guard status.st_size > 0 else { throw .malformedFile(path: path, reason: "the file is empty") }
        guard status.st_size <= TLSLimits.pemFileBytes else {
            throw .malformedFile(path: path, reason: "larger than \(TLSLimits.pemFileBytes) bytes, too large for PEM")
        }
        var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
        var count = 0
        while count < bytes.count {
            let result = unsafe bytes.withUnsafeMutableBytes { buffer in
                unsafe Glibc.read(descriptor, buffer.baseAddress! + count, buffer.count - count)
            }
            if result < 0, errno == EINTR { continue }
            guard result > 0 else { throw failure("read", path) }
            count += result
        }
        return (bytes, status.st_mode & 0o777)
    }

    /// Creates a file of mode 0600 atomically and durably.
    ///
    /// - Returns: false when the file already exists, and is left unchanged.
    static func create(_ path: String, _ bytes: [UInt8]) throws(TLSError) -> Bool {
        let temporary = "\(path).\(getpid()).\(try randomNumber())"
        let descriptor = unsafe open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw failure("create", temporary) }
        defer { unsafe unlink(temporary) }
        do {
            defer { close(descriptor) }
            var count = 0
            while count < bytes.count {
                let result = unsafe bytes.withUnsafeBytes { buffer in
                    unsafe write(descriptor, buffer.baseAddress! + count, buffer.count - count)
                }
                if result < 0, errno == EINTR { continue }
                guard result > 0 else { throw failure("write", temporary) }
                count += result
            }
            guard fsync(descriptor) == 0 else { throw failure("write", temporary) }
        }
        // Unlike rename, link fails when another process was first.
        if unsafe link(temporary, path) != 0 {
            guard errno == EEXIST else { throw failure("create", path) }
            return false
        }
        return true
    }

    static func exists(_ path: String) -> Bool {
        unsafe access(path, F_OK) == 0
    }

    static func makeDirectory(_ path: String) throws(TLSError) {
        guard unsafe mkdir(path, 0o700) == 0 || errno == EEXIST else { throw failure("create the directory", path) }
    }

    static func failure(_ operation: String, _ path: String) -> TLSError {
        .file(path: path, operation: operation, reason: unsafe String(cString: strerror(errno)))
    }
}
