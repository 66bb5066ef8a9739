import CSodium
import Glibc
import SecamBase
import SecamWire

/// A failure of the spool's folder or files.
struct SpoolFailure: Error, CustomStringConvertible {
    let path: String
    let reason: String
    let isDiskFull: Bool

    init(path: String, reason: String, isDiskFull: Bool = false) {
        self.path = path
        self.reason = reason
        self.isDiskFull = isDiskFull
    }

    /// Makes a failure of the operating system, by default the last one.
    init(systemError path: String, _ error: SystemError = .last) {
        self.init(path: path, reason: "\(error)", isDiskFull: error.code == ENOSPC)
    }

    var description: String { "\(path): \(reason)" }
}

/// The format of a spool file: a head of 8 bytes `secamsp1`, the header of libsodium's secretstream
/// (XChaCha20-Poly1305), then records, each the length of its ciphertext as a little-endian u32 and the ciphertext.
///
/// A record is one FRAME message. A truncated file ends at its last whole record, a damaged file before the damage.
enum SpoolFormat {
    static let head = Array("secamsp1".utf8)
    static let headerBytes = Int(crypto_secretstream_xchacha20poly1305_HEADERBYTES)
    static let overhead = Int(crypto_secretstream_xchacha20poly1305_ABYTES)
    static let tag = UInt8(crypto_secretstream_xchacha20poly1305_TAG_MESSAGE)
    /// Position of the first record.
    static let start = head.count + headerBytes
    static let lengthBytes = 4
    /// Maximum size of a ciphertext: the largest message, encrypted.
    static let largestRecord = WireLimits.meshMessage + overhead
}

/// A spool file that is being written.
final class SpoolFileWriter {
    private let path: String
    private let descriptor: Int32
    private var state = crypto_secretstream_xchacha20poly1305_state()
    private(set) var byteCount = SpoolFormat.start

    /// Creates the file. Throws if it exists.
    init(_ path: String, key: [UInt8]) throws(SpoolFailure) {
        self.path = path
        descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw SpoolFailure(systemError: path) }
        var header = [UInt8](repeating: 0, count: SpoolFormat.headerBytes)
        unsafe crypto_secretstream_xchacha20poly1305_init_push(&state, &header, key)
        try write(SpoolFormat.head + header)
    }

    deinit { close(descriptor) }

    /// Appends a record. After an error the file must not be written again; a partial record is cut off if possible.
    func append(_ record: [UInt8]) throws(SpoolFailure) {
        let count = record.count + SpoolFormat.overhead
        var bytes = [UInt8](repeating: 0, count: SpoolFormat.lengthBytes + count)
        for index in 0..<SpoolFormat.lengthBytes { bytes[index] = UInt8(truncatingIfNeeded: count >> (8 * index)) }
        unsafe bytes.withUnsafeMutableBufferPointer { buffer in
            _ = unsafe crypto_secretstream_xchacha20poly1305_push(
                &state, buffer.baseAddress! + SpoolFormat.lengthBytes, nil, record, UInt64(record.count), nil, 0,
                SpoolFormat.tag)
        }
        do throws(SpoolFailure) {
            try write(bytes)
        } catch {
            _ = ftruncate(descriptor, off_t(byteCount))
            throw error
        }
        byteCount += bytes.count
    }

    /// Syncs the file to the disk.
    func synchronize() throws(SpoolFailure) {
        guard fdatasync(descriptor) == 0 else { throw SpoolFailure(systemError: path) }
    }

    private func write(_ bytes: [UInt8]) throws(SpoolFailure) {
        do throws(SystemError) { try FileBytes.write(bytes, to: descriptor) } catch {
            throw SpoolFailure(systemError: path, error)
        }
    }
}

/// A spool file that is read from its start, possibly while it is written.
final class SpoolFileReader {
    private let path: String
    private let descriptor: Int32
    private var state = crypto_secretstream_xchacha20poly1305_state()
    /// Position of the next record.
    private(set) var position = SpoolFormat.start

    /// Opens the file. Throws if it is not a file of this spool.
    init(_ path: String, key: [UInt8]) throws(SpoolFailure) {
        self.path = path
        descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw SpoolFailure(systemError: path) }
        guard let head = read(SpoolFormat.start, at: 0), head.starts(with: SpoolFormat.head),
            unsafe crypto_secretstream_xchacha20poly1305_init_pull(
                &state, Array(head.dropFirst(SpoolFormat.head.count)), key) == 0
        else { throw SpoolFailure(path: path, reason: "not a file of this spool") }
    }

    deinit { close(descriptor) }

    /// Returns the next record; `nil` if there is no further whole record.
    ///
    /// - Throws: if the record is damaged. The rest of the file is unreadable then.
    func next() throws(SpoolFailure) -> [UInt8]? {
        guard let length = read(SpoolFormat.lengthBytes, at: position) else { return nil }
        let count = length.reversed().reduce(0) { $0 << 8 | Int($1) }
        guard (SpoolFormat.overhead...SpoolFormat.largestRecord).contains(count) else { throw damaged }
        guard let bytes = read(count, at: position + SpoolFormat.lengthBytes) else { return nil }
        var record = [UInt8](repeating: 0, count: count - SpoolFormat.overhead)
        let status = unsafe crypto_secretstream_xchacha20poly1305_pull(
            &state, &record, nil, nil, bytes, UInt64(bytes.count), nil, 0)
        guard status == 0 else { throw damaged }
        position += SpoolFormat.lengthBytes + count
        return record
    }

    private var damaged: SpoolFailure {
        SpoolFailure(path: path, reason: "damaged after byte \(position), or written with another key")
    }

    /// Reads exactly `count` bytes; returns `nil` if there are fewer.
    private func read(_ count: Int, at position: Int) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: count)
        var done = 0
        while done < count {
            let got = unsafe bytes.withUnsafeMutableBytes { buffer in
                unsafe pread(descriptor, buffer.baseAddress! + done, count - done, off_t(position + done))
            }
            guard got > 0 else { return nil }
            done += got
        }
        return bytes
    }
}
