import COpenSSL
import SecamCrypto

/// Settings shared by connections of one kind: TLS 1.3 only, one agreed application protocol (ALPN, RFC 7301), no
/// session tickets or resumption, and no early data.
@safe
package final class TLSContext: Sendable {
    enum Role: Sendable {
        case server
        case client(TLSTrust, serverName: String)
    }

    let role: Role
    let applicationProtocols: [String]
    /// A server's protocol for clients that offer none; `nil` when it refuses them.
    let fallbackProtocol: String?
    /// Whether a server's certificate is signed by its own key.
    package let isSelfSigned: Bool
    /// `nil` for connections whose secrets stay in memory.
    let keyLog: TLSKeyLog?
    private let object: OpenSSLObject

    /// - Parameters:
    ///   - applicationProtocols: in order of preference.
    ///   - fallbackProtocol: the protocol of a client without ALPN; by default such a client is refused.
    /// - Throws: `configuration` for invalid protocol names, `library`.
    package static func server(
        identity: TLSIdentity, applicationProtocols: [String], fallbackProtocol: String? = nil
    ) throws(TLSError) -> TLSContext {
        let context = try TLSContext(
            .server, applicationProtocols, fallbackProtocol: fallbackProtocol, isSelfSigned: identity.isSelfSigned)
        try unsafe context.object.withPointer { handle throws(TLSError) in
            try unsafe use(identity, in: handle)
            // Messages of viewers are small, and may hold a password.
            unsafe SSL_CTX_set_options(handle, secam_SSL_OP_CLEANSE_PLAINTEXT)
            // Called during handshakes, which keep the context alive.
            let reference = unsafe Unmanaged.passUnretained(context).toOpaque()
            if fallbackProtocol == nil {
                unsafe SSL_CTX_set_client_hello_cb(handle, requireApplicationProtocols, nil)
            }
            unsafe SSL_CTX_set_alpn_select_cb(handle, selectApplicationProtocol, reference)
        }
        return context
    }

    /// - Parameters:
    ///   - serverName: DNS name or IP address as the user gave it. It is verified only with `TLSTrust.authorities`, and
    ///     a name is sent to the server (SNI).
    ///   - applicationProtocols: in order of preference.
    ///   - keyLog: receives the secrets of all connections.
    /// - Throws: `configuration`, `file` or `malformedFile` for the authorities' file, `library`.
    package static func client(
        trust: TLSTrust, serverName: String, applicationProtocols: [String], keyLog: TLSKeyLog? = nil
    ) throws(TLSError) -> TLSContext {
        let context = try TLSContext(.client(trust, serverName: serverName), applicationProtocols, keyLog: keyLog)
        try unsafe context.object.withPointer { handle throws(TLSError) in
            var names = context.applicationProtocols.flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) }
            guard unsafe SSL_CTX_set_alpn_protos(handle, &names, CUnsignedInt(names.count)) == 0 else {
                throw OpenSSLQueue.error("set the application protocols")
            }
            if case .authorities(let file) = trust {
                guard HostName.isAddress(serverName) || HostName.isName(serverName) else {
                    throw .configuration("'\(serverName)' is neither a host name nor an IP address to check")
                }
                _ = try PEMFile.read(file)
                guard unsafe SSL_CTX_load_verify_file(handle, file) == 1 else {
                    throw .malformedFile(path: file, reason: "no PEM certificates to trust: \(OpenSSLQueue.drain())")
                }
            }
            unsafe SSL_CTX_set_verify(handle, SSL_VERIFY_PEER, nil)
            unsafe SSL_CTX_set_cert_verify_callback(handle, verifyServer, nil)
            if keyLog != nil { unsafe SSL_CTX_set_keylog_callback(handle, logSecret) }
        }
        return context
    }

    private init(
        _ role: Role, _ applicationProtocols: [String], keyLog: TLSKeyLog? = nil, fallbackProtocol: String? = nil,
        isSelfSigned: Bool = false
    ) throws(TLSError) {
        guard !applicationProtocols.isEmpty,
            applicationProtocols.allSatisfy({ (1...TLSLimits.applicationProtocolBytes).contains($0.utf8.count) })
        else {
            throw .configuration("application protocols are one or more names of 1 to 255 bytes")
        }
        self.role = role
        self.applicationProtocols = applicationProtocols
        self.keyLog = keyLog
        self.fallbackProtocol = fallbackProtocol
        self.isSelfSigned = isSelfSigned
        OpenSSLQueue.clear()
        object = try unsafe OpenSSLObject(
            SSL_CTX_new(TLS_method()), to: "make a TLS context", freedBy: { unsafe SSL_CTX_free($0) })
        try unsafe object.withPointer { handle throws(TLSError) in
            let hardware = secam_has_aes_hardware() == 1
            let aes = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384", chacha = "TLS_CHACHA20_POLY1305_SHA256"
            guard unsafe secam_SSL_CTX_set_tls13_only(handle) == 1,
                unsafe SSL_CTX_set_ciphersuites(handle, hardware ? "\(aes):\(chacha)" : "\(chacha):\(aes)") == 1,
                unsafe SSL_CTX_set_num_tickets(handle, 0) == 1
            else { throw OpenSSLQueue.error("set up a TLS context") }
            try unsafe Self.setGroups(handle)
            // The server's order of ciphers applies, except for a client that prefers ChaCha20 because it has no AES
            // hardware.
            unsafe SSL_CTX_set_options(
                handle,
                secam_SSL_OP_NO_COMPRESSION | secam_SSL_OP_NO_RENEGOTIATION | secam_SSL_OP_NO_TICKET
                    | secam_SSL_OP_CIPHER_SERVER_PREFERENCE | secam_SSL_OP_PRIORITIZE_CHACHA)
            unsafe secam_SSL_CTX_set_session_cache_off(handle)
            // Record buffers (33 KiB) are freed between calls: an idle viewer holds none, and the next viewer gets
            // buffers that are still in the processor's cache.
            unsafe secam_SSL_CTX_set_mode(handle, Int(SSL_MODE_RELEASE_BUFFERS))
            unsafe secam_SSL_CTX_set_read_ahead(handle)
            unsafe SSL_CTX_set_msg_callback(handle, messageCallback)
        }
    }

    /// Groups for the key exchange, in order of preference; no others are offered or accepted. A finite-field exchange
    /// (ffdhe8192) costs a server 80 ms and its peer nothing. `*` asks a client to send a key share for the group.
    private static let groups = [
        // With a post-quantum group if the library has it (OpenSSL 3.5).
        "*X25519MLKEM768:*X25519:P-256",
        "X25519:P-256",
    ]

    private static func setGroups(_ handle: OpaquePointer) throws(TLSError) {
        for list in groups {
            if unsafe secam_SSL_CTX_set_groups(handle, list) == 1 { return OpenSSLQueue.clear() }
        }
        throw OpenSSLQueue.error("set the groups for the key exchange")
    }

    private static func use(_ identity: TLSIdentity, in handle: OpaquePointer) throws(TLSError) {
        try unsafe identity.chain[0].withPointer { certificate throws(TLSError) in
            try OpenSSLQueue.check(unsafe SSL_CTX_use_certificate(handle, certificate), "use a certificate")
        }
        for issuer in identity.chain.dropFirst() {
            try unsafe issuer.withPointer { issuer throws(TLSError) in
                try OpenSSLQueue.check(
                    unsafe secam_SSL_CTX_add1_chain_cert(handle, issuer), "use a certificate's chain")
            }
        }
        try unsafe identity.key.withPointer { key throws(TLSError) in
            try OpenSSLQueue.check(unsafe SSL_CTX_use_PrivateKey(handle, key), "use a private key")
        }
    }

    /// Returns a new `SSL` that the caller owns.
    func makeSession() throws(TLSError) -> OpaquePointer {
        OpenSSLQueue.clear()
        return try unsafe object.withPointer { handle throws(TLSError) in
            guard let session = unsafe SSL_new(handle) else { throw OpenSSLQueue.error("make a TLS session") }
            return unsafe session
        }
    }
}

/// Rejects a client without the ALPN extension; OpenSSL calls the selection only with it.
private func requireApplicationProtocols(
    _ session: OpaquePointer?, _ alert: UnsafeMutablePointer<CInt>?, _ argument: UnsafeMutableRawPointer?
) -> CInt {
    var bytes: UnsafePointer<UInt8>?
    var count = 0
    let kind = CUnsignedInt(TLSEXT_TYPE_application_layer_protocol_negotiation)
    guard unsafe SSL_client_hello_get0_ext(session, kind, &bytes, &count) == 1 else {
        unsafe alert?.pointee = SSL_AD_NO_APPLICATION_PROTOCOL
        unsafe TLSSession.of(session)?.refusal = .noApplicationProtocol(offered: [])
        return SSL_CLIENT_HELLO_ERROR
    }
    return SSL_CLIENT_HELLO_SUCCESS
}

/// Selects the first protocol that the client offers. The result points into the client's list, which outlives this
/// call.
private func selectApplicationProtocol(
    _ session: OpaquePointer?, _ selected: UnsafeMutablePointer<UnsafePointer<UInt8>?>?,
    _ selectedCount: UnsafeMutablePointer<UInt8>?, _ offered: UnsafePointer<UInt8>?, _ offeredCount: CUnsignedInt,
    _ argument: UnsafeMutableRawPointer?
) -> CInt {
    guard let argument = unsafe argument, let offered = unsafe offered else { return SSL_TLSEXT_ERR_ALERT_FATAL }
    let context = unsafe Unmanaged<TLSContext>.fromOpaque(argument).takeUnretainedValue()
    let list = unsafe UnsafeBufferPointer(start: offered, count: Int(offeredCount))
    var names: [(name: String, offset: Int, count: Int)] = []
    var offset = 0
    while offset < list.count {
        let count = unsafe Int(list[offset])
        guard count > 0, offset + 1 + count <= list.count else { return SSL_TLSEXT_ERR_ALERT_FATAL }
        names.append((unsafe String(decoding: list[offset + 1..<offset + 1 + count], as: UTF8.self), offset + 1, count))
        offset += 1 + count
    }
    for wanted in context.applicationProtocols {
        guard let match = names.first(where: { $0.name == wanted }) else { continue }
        unsafe selected?.pointee = offered + match.offset
        unsafe selectedCount?.pointee = UInt8(match.count)
        return SSL_TLSEXT_ERR_OK
    }
    unsafe TLSSession.of(session)?.refusal = .noApplicationProtocol(offered: names.map(\.name))
    return SSL_TLSEXT_ERR_ALERT_FATAL
}

/// Called for each record and each TLS message, in both directions.
private func messageCallback(
    _ isSent: CInt, _ version: CInt, _ contentType: CInt, _ bytes: UnsafeRawPointer?, _ count: Int,
    _ session: OpaquePointer?, _ argument: UnsafeMutableRawPointer?
) {
    guard isSent == 0, contentType == SSL3_RT_HANDSHAKE, count > 0, let bytes = unsafe bytes,
        unsafe bytes.load(as: UInt8.self) == UInt8(SSL3_MT_KEY_UPDATE)
    else { return }
    unsafe TLSSession.of(session)?.countKeyUpdate()
}

/// Called for each secret of a connection, on clients with a key log.
private func logSecret(_ session: OpaquePointer?, _ line: UnsafePointer<CChar>?) {
    guard let line = unsafe line else { return }
    unsafe TLSSession.of(session)?.context.keyLog?.append(String(cString: line))
}

/// Replaces OpenSSL's verification, and calls it where needed.
private func verifyServer(_ verification: OpaquePointer?, _ argument: UnsafeMutableRawPointer?) -> CInt {
    let session = unsafe TLSSession.of(secam_X509_STORE_CTX_get_session(verification))
    guard let session, case .client(let trust, let serverName) = session.context.role,
        let certificate = unsafe X509_STORE_CTX_get0_cert(verification),
        let presented = try? unsafe PresentedCertificate(certificate: certificate)
    else { return 0 }
    let fingerprint = presented.fingerprint
    session.peerFingerprint = fingerprint
    let reason: String
    switch trust {
    case .authorities:
        if unsafe X509_verify_cert(verification) == 1 { return 1 }
        let error = unsafe X509_STORE_CTX_get_error(verification)
        let isDate = [X509_V_ERR_CERT_NOT_YET_VALID, X509_V_ERR_CERT_HAS_EXPIRED].contains(error)
        reason =
            unsafe String(cString: X509_verify_cert_error_string(Int(error)))
            + (isDate ? " by this machine's clock, which says \(TLSIdentity.text(Int64(time(nil))))" : "")
    case .fingerprint(let expected):
        if fingerprint == expected { return 1 }
        reason = "its fingerprint is not the expected \(expected)"
    case .key(let expected):
        if presented.key == expected { return 1 }
        reason = "its key is not the expected \(expected)"
    case .decide(let decide):
        if decide(presented) { return 1 }
        reason = "its fingerprint was refused"
    }
    session.refusal = .untrusted(serverName: serverName, presented: presented, reason: reason)
    unsafe X509_STORE_CTX_set_error(verification, X509_V_ERR_APPLICATION_VERIFICATION)
    return 0
}
