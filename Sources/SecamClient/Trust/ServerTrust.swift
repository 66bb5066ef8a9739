package import SecamTLS

/// The way to authenticate the gateway.
package enum ServerTrust: Sendable {
    case authorities(file: String)
    case fingerprint(CertificateFingerprint)
    case key(PublicKeyFingerprint)
    case pinned(KnownHosts)

    /// Returns the TLS policy for a gateway. It refuses an unknown gateway: a TLS handshake cannot wait for the user, so
    /// `GatewayLogin` asks before the connection.
    func policy(for server: ServerAddress) throws(ClientError) -> TLSTrust {
        switch self {
        case .authorities(let file): return .authorities(file: file)
        case .fingerprint(let fingerprint): return .fingerprint(fingerprint)
        case .key(let fingerprint): return .key(fingerprint)
        case .pinned(let hosts):
            let pins = try hosts.entries(for: server).map(\.pin)
            return .decide { presented in
                guard pins.contains(where: { $0.admits(presented) }) else { return false }
                // Pins the key of a certificate that an earlier version pinned, so that a renewed certificate raises no
                // alarm. The write is one short line, once, so it may happen in the handshake. When it fails, the next
                // connection tries again.
                if !pins.contains(.key(presented.key)) { try? hosts.add(server, presented.key) }
                return true
            }
        }
    }

    /// Returns `certificateChanged` when the refused gateway had another key before; otherwise the error itself.
    func explain(_ error: ClientError, server: ServerAddress) throws(ClientError) -> ClientError {
        guard case .untrusted(_, .untrusted(_, let presented, _)) = error, case .pinned(let hosts) = self else {
            return error
        }
        let lines = try hosts.entries(for: server).map(\.line)
        guard !lines.isEmpty else { return error }
        return .certificateChanged(server: server, seen: presented.fingerprint, file: hosts.path, lines: lines)
    }
}
