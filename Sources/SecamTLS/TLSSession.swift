import COpenSSL
import NIOCore
import SecamCrypto

/// One connection's TLS state machine without I/O: bytes of the peer go in with `receive`, bytes for it come out with
/// `takeOutgoing`.
@safe
final class TLSSession {
    enum ReadResult: Equatable {
        case bytes
        case needMore
        /// The peer's `close_notify`: nothing follows, and nothing is missing.
        case ended
    }

    let context: TLSContext
    /// Of the server, on a client.
    var peerFingerprint: CertificateFingerprint?
    /// Why a callback of ours ended the handshake, which OpenSSL's own text does not say.
    var refusal: TLSError?

    /// Owned; freed in `deinit` and nowhere else.
    let handle: OpaquePointer
    private let transport = TLSTransport()
    /// Kept until the plaintext that came before it is handed on; OpenSSL reports an error only once.
    private var readFailure: TLSError?
    /// In both directions, since the answers to our own key updates count, too.
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

    /// What OpenSSL wants to send, if anything.
    func takeOutgoing() -> ByteBuffer? {
        guard transport.outgoing.readableBytes > 0 else { return nil }
        defer { transport.outgoing = ByteBuffer() }
        bytesCarried += transport.outgoing.readableBytes
        return transport.outgoing
    }

    /// Makes room for the records of `plaintext` bytes, so that the buffer does not grow while they are written.
    func reserveOutgoing(plaintext: Int, in scratch: TLSScratch) {
        let records = plaintext / TLSLimits.recordPlaintext + 2
        let count = plaintext + records * TLSLimits.recordOverhead
        if transport.outgoing.readableBytes == 0 {
            transport.outgoing = scratch.take(count)
        } else {
            transport.outgoing.reserveCapacity(minimumWritableBytes: count)
        }
    }

    /// - Returns: the application protocol when the handshake is complete, nil when it needs more from the peer.
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
        // A server may ignore our list; it must not choose from outside of it.
        guard context.applicationProtocols.contains(name) else {
            throw .noApplicationProtocol(offered: name.isEmpty ? [] : [name])
        }
        return name
    }

    /// Appends at most what fits into the buffer's writable bytes.
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

    /// Enough room for what has arrived, within the limit.
    var readCapacity: Int {
        unsafe min(max(transport.incoming.readableBytes + Int(SSL_pending(handle)), 512), TLSLimits.readBytes)
    }

    /// Encrypts the first `count` bytes of the buffer and moves it past them.
    func write(_ buffer: inout ByteBuffer, _ count: Int) throws(TLSError) {
        guard count > 0 else { return }
        OpenSSLQueue.clear()
        var written = 0
        let result = unsafe buffer.withUnsafeReadableBytes { bytes in
            unsafe SSL_write_ex(handle, bytes.baseAddress, count, &written)
        }
        // The transport takes everything, so that nothing is ever left to retry.
        guard result == 1, written == count else {
            throw .library(operation: "encrypt", reason: OpenSSLQueue.drain())
        }
        buffer.moveReaderIndex(forwardBy: count)
    }

    /// Tells the peer that nothing follows.
    func sendCloseNotify() {
        OpenSSLQueue.clear()
        unsafe SSL_shutdown(handle)
        OpenSSLQueue.clear()
    }

    private var hasTooManyKeyUpdates: Bool {
        keyUpdates > TLSLimits.keyUpdates + bytesCarried / TLSLimits.bytesPerKeyUpdate
    }

    /// OpenSSL goes on from one key update to the next within one call: taking away what follows ends that, but for what
    /// it has read ahead.
    func noteKeyUpdate() {
        keyUpdates += 1
        if hasTooManyKeyUpdates { transport.incoming = ByteBuffer() }
    }

    /// Lets go of the channel's buffer once it is read.
    private func releaseIncoming() {
        if transport.incoming.readableBytes == 0 { transport.incoming = ByteBuffer() }
    }
}

extension TLSTrust {
    fileprivate var checksName: Bool {
        if case .authorities = self { true } else { false }
    }
}
