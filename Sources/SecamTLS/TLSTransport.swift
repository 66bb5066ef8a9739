import COpenSSL
import NIOCore
import SecamCrypto

/// The bytes between OpenSSL and the channel. A custom BIO reads and writes these buffers directly, which saves a copy
/// into and out of OpenSSL's memory BIOs.
final class TLSTransport {
    /// Bytes from the peer that OpenSSL has not read yet.
    var incoming = ByteBuffer()
    /// Bytes for the peer that the channel has not received yet.
    var outgoing = ByteBuffer()

    /// Returns a BIO on this transport, which must outlive it.
    func makeBIO() throws(TLSError) -> OpaquePointer {
        OpenSSLQueue.clear()
        let bio = try unsafe Self.method.get().withPointer { method in unsafe BIO_new(method) }
        guard let bio = unsafe bio else { throw OpenSSLQueue.error("make a BIO") }
        unsafe BIO_set_data(bio, Unmanaged.passUnretained(self).toOpaque())
        unsafe BIO_set_init(bio, 1)
        return unsafe bio
    }

    fileprivate static func of(_ bio: OpaquePointer?) -> TLSTransport {
        unsafe Unmanaged<TLSTransport>.fromOpaque(BIO_get_data(bio)).takeUnretainedValue()
    }

    private static let method: Result<OpenSSLObject, TLSError> = Result { () throws(TLSError) in
        let kind = BIO_get_new_index() | BIO_TYPE_SOURCE_SINK
        let object = try unsafe OpenSSLObject(
            BIO_meth_new(kind, "secam transport"), to: "make a kind of BIO", freedBy: { unsafe BIO_meth_free($0) })
        return try unsafe object.withPointer { method throws(TLSError) in
            guard unsafe BIO_meth_set_read_ex(method, readIncoming) == 1,
                unsafe BIO_meth_set_write_ex(method, writeOutgoing) == 1,
                unsafe BIO_meth_set_ctrl(method, control) == 1
            else { throw OpenSSLQueue.error("make a kind of BIO") }
            return object
        }
    }
}

private func readIncoming(
    _ bio: OpaquePointer?, _ destination: UnsafeMutablePointer<CChar>?, _ capacity: Int,
    _ count: UnsafeMutablePointer<Int>?
) -> CInt {
    unsafe secam_BIO_clear_retry_flags(bio)
    let transport = unsafe TLSTransport.of(bio)
    let length = min(capacity, transport.incoming.readableBytes)
    guard length > 0, let destination = unsafe destination else {
        unsafe secam_BIO_set_retry_read(bio)
        return 0
    }
    unsafe transport.incoming.readWithUnsafeReadableBytes { source in
        unsafe UnsafeMutableRawPointer(destination).copyMemory(from: source.baseAddress!, byteCount: length)
        return length
    }
    unsafe count?.pointee = length
    return 1
}

/// Bytes copied at once.
private let copyPiece = 2048

private func writeOutgoing(
    _ bio: OpaquePointer?, _ source: UnsafePointer<CChar>?, _ length: Int, _ count: UnsafeMutablePointer<Int>?
) -> CInt {
    unsafe secam_BIO_clear_retry_flags(bio)
    let bytes = unsafe UnsafeRawBufferPointer(start: source, count: length)
    unsafe TLSTransport.of(bio).outgoing.writeWithUnsafeMutableBytes(minimumWritableBytes: length) { target in
        // Copied in pieces: glibc copies larger ones with `rep movsb`, which on AMD's Zen 3 and 4 is twenty times
        // slower when the target is up to 64 bytes behind the source within their pages, which for some connections is
        // always so.
        for start in stride(from: 0, to: length, by: copyPiece) {
            let piece = unsafe UnsafeRawBufferPointer(rebasing: bytes[start..<min(start + copyPiece, length)])
            unsafe UnsafeMutableRawBufferPointer(rebasing: target[start...]).copyMemory(from: piece)
        }
        return length
    }
    unsafe count?.pointee = length
    return 1
}

private func control(
    _ bio: OpaquePointer?, _ command: CInt, _ number: Int, _ pointer: UnsafeMutableRawPointer?
) -> Int {
    // Every write has already reached its place, so a flush has nothing to do; other commands are unsupported.
    command == BIO_CTRL_FLUSH ? 1 : 0
}
