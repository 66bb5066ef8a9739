import COpenSSL
import NIOCore
import SecamCrypto

/// The TLS state machine of one connection, without I/O: `receive` takes the peer's bytes, and `takeOutgoing` returns
/// bytes for the peer.
@safe
final class TLSSession {
    enum ReadResult: Equatable {
        case bytes
        case needMore
        /// The peer's `close_notify`: the stream is complete.
        case ended
    }

    let context: TLSContext
    /// The server's fingerprints, on a client.
    var peerFingerprint: CertificateFingerprint?
    /// The reason why a callback of this module ended the handshake, which OpenSSL's text does not contain.
    var refusal: TLSError?

    /// Owned by this object and freed in `deinit`.
    let handle: OpaquePointer
    private let transport = TLSTransport()
    /// Kept until the plaintext before it is delivered; OpenSSL reports an error only once.
    private var readFailure: TLSError?
    /// Counted in both directions, since the answers to this side's key updates count too.
    private var bytesCarried = 0
    private var keyUpdates = 0

    init(_ context: TLSContext) throws(TLSError) {
        self.context = context
        unsafe handle = try context.makeSession()
        let bio = try unsafe transport.makeBIO()
        unsafe SSL_set_bio(handle, bio, bio)
        unsafe secam_SSL_set_app_data(handle, Unmanaged.passUnretained(self).toOpaque())
        switch context.role {
        case .server:
            unsafe SSL_set_accept_state(handle)
        case .client(let trust, let serverName):
            unsafe SSL_set_connect_state(handle)
            try setServerName(serverName, checked: trust.checksName)
        }
    }

    deinit {
        unsafe SSL_free(handle)
    }

    static func of(_ session: OpaquePointer?) -> TLSSession? {
        guard let session = unsafe session, let data = unsafe secam_SSL_get_app_data(session) else { return nil }
        return unsafe Unmanaged<TLSSession>.fromOpaque(data).takeUnretainedValue()
    }

    private func setServerName(_ name: String, checked: Bool) throws(TLSError) {
        if HostName.isAddress(name) {
            guard checked else { return }
            try OpenSSLQueue.check(
                unsafe X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(handle), name), "set the server's address")
        } else if HostName.isName(name) {
            try OpenSSLQueue.check(unsafe secam_SSL_set_server_name(handle, name), "set the server's name")
            guard checked else { return }
            try OpenSSLQueue.check(unsafe SSL_set1_host(handle, name), "set the server's name")
        }
    }

    func receive(_ buffer: ByteBuffer) {
        bytesCarried += buffer.readableBytes
        if transport.incoming.readableBytes == 0 {
            transport.incoming = buffer
        } else {
            transport.incoming.writeImmutableBuffer(buffer)
        }
    }

    /// Returns the bytes that OpenSSL wants to send, if any.
    func takeOutgoing() -> ByteBuffer? {
        guard transport.outgoing.readableBytes > 0 else { return nil }
        defer { transport.outgoing = ByteBuffer() }
        bytesCarried += transport.outgoing.readableBytes
        return transport.outgoing
    }

    /// Reserves room for the records of `plaintext` bytes, so the buffer does not grow while they are written.
    func reserveOutgoing(plaintext: Int, in scratch: TLSScratch) {
        let records = plaintext / TLSLimits.recordPlaintext + 2
        let count = plaintext + records * TLSLimits.recordOverhead
        if transport.outgoing.readableBytes == 0 {
            transport.outgoing = scratch.borrow(count)
        } else {
            transport.outgoing.reserveCapacity(minimumWritableBytes: count)
        }
    }

    /// - Returns: the application protocol when the handshake is complete; `nil` when it needs more bytes from the
    ///   peer.
    func handshake() throws(TLSError) -> String? {
        OpenSSLQueue.clear()
        let result = unsafe SSL_do_handshake(handle)
        guard result == 1 else {
            if unsafe SSL_get_error(handle, result) == SSL_ERROR_WANT_READ { return nil }
            let reason = OpenSSLQueue.drain()
            throw refusal ?? .handshake(reason: reason)
        }
        var bytes: UnsafePointer<UInt8>?
        var count: CUnsignedInt = 0
        unsafe SSL_get0_alpn_selected(handle, &bytes, &count)
        let name = unsafe String(decoding: UnsafeBufferPointer(start: bytes, count: Int(count)), as: UTF8.self)
        if name.isEmpty, let fallback = context.fallbackProtocol { return fallback }
        // A server may ignore the client's list, but must not choose a protocol outside it.
        guard context.applicationProtocols.contains(name) else {
            throw .noApplicationProtocol(offered: name.isEmpty ? [] : [name])
        }
        return name
    }

    /// Appends at most as much as fits into the buffer's writable bytes.
    func read(into buffer: inout ByteBuffer) throws(TLSError) -> ReadResult {
        if let readFailure { throw readFailure }
        OpenSSLQueue.clear()
        var error = SSL_ERROR_NONE
        while buffer.writableBytes > 0, error == SSL_ERROR_NONE {
            unsafe buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: 0) { target in
                var count = 0
                let result = unsafe SSL_read_ex(handle, target.baseAddress, target.count, &count)
                error = result == 1 ? SSL_ERROR_NONE : unsafe SSL_get_error(handle, result)
                return count
            }
        }
        releaseIncoming()
        switch error {
        case _ where hasTooManyKeyUpdates: readFailure = .malformedRecord(reason: "too many key updates")
        case SSL_ERROR_NONE, SSL_ERROR_WANT_READ, SSL_ERROR_ZERO_RETURN: break
        default: readFailure = .malformedRecord(reason: OpenSSLQueue.drain())
        }
        if buffer.readableBytes > 0 { return .bytes }
        if let readFailure { throw readFailure }
        return error == SSL_ERROR_ZERO_RETURN ? .ended : .needMore
    }

    /// Returns enough room for the received bytes, within the limit.
    var readCapacity: Int {
        unsafe min(max(transport.incoming.readableBytes + Int(SSL_pending(handle)), 512), TLSLimits.readBytes)
    }

    /// Encrypts the first `count` bytes of the buffer and consumes them.
    func write(_ buffer: inout ByteBuffer, _ count: Int) throws(TLSError) {
        guard count > 0 else { return }
        OpenSSLQueue.clear()
        var written = 0
        let result = unsafe buffer.withUnsafeReadableBytes { bytes in
            unsafe SSL_write_ex(handle, bytes.baseAddress, count, &written)
        }
        // The transport accepts everything, so a write never has to be retried.
        guard result == 1, written == count else {
            throw .library(operation: "encrypt", reason: OpenSSLQueue.drain())
        }
        buffer.moveReaderIndex(forwardBy: count)
    }

    /// Tells the peer that the stream is complete.
    func sendCloseNotify() {
        OpenSSLQueue.clear()
        unsafe SSL_shutdown(handle)
        OpenSSLQueue.clear()
    }

    private var hasTooManyKeyUpdates: Bool {
        keyUpdates > TLSLimits.keyUpdates + bytesCarried / TLSLimits.bytesPerKeyUpdate
    }

    /// OpenSSL processes consecutive key updates within one call. Removing the bytes behind them ends that, except for
    /// those that it has already read.
    func countKeyUpdate() {
        keyUpdates += 1
        if hasTooManyKeyUpdates { transport.incoming = ByteBuffer() }
    }

    /// Releases the channel's buffer once it is read.
    private func releaseIncoming() {
        if transport.incoming.readableBytes == 0 { transport.incoming = ByteBuffer() }
    }
}

extension TLSTrust {
    fileprivate var checksName: Bool {
        if case .authorities = self { true } else { false }
    }
}
