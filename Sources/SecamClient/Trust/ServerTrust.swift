package import SecamTLS

/// How the viewer knows that it talks to the right gateway.
package enum ServerTrust: Sendable {
    case authorities(file: String)
    case fingerprint(CertificateFingerprint)
    case key(PublicKeyFingerprint)
    case pinned(KnownHosts)

    /// For a connection to this gateway. An unknown one is refused; whoever is to accept it does so before, since
    /// nothing can wait for a person in the middle of a handshake.
    func policy(for server: ServerAddress) throws(ClientError) -> TLSTrust {
        switch self {
        case .authorities(let file): return .authorities(file: file)
        case .fingerprint(let fingerprint): return .fingerprint(fingerprint)
        case .key(let fingerprint): return .key(fingerprint)
        case .pinned(let hosts):
            let pins = try hosts.entries(for: server).map(\.pin)
            return .decide { presented in
                guard pins.contains(where: { $0.admits(presented) }) else { return false }
                // A certificate that an earlier version pinned vouches for its key, so that its renewal is no alarm. One
                // short line, once: it may be written in the handshake. Where it cannot be, the next connection tries.
                if !pins.contains(.key(presented.key)) { try? hosts.add(server, presented.key) }
                return true
            }
        }
    }

    /// Says of a refused certificate whether another one was accepted before. Other errors stay as they are.
    func explain(_ error: ClientError, server: ServerAddress) throws(ClientError) -> ClientError {
        guard case .untrusted(_, .untrusted(_, let presented, _)) = error, case .pinned(let hosts) = self else {
            return error
        }
        let lines = try hosts.entries(for: server).map(\.line)
        guard !lines.isEmpty else { return error }
        return .certificateChanged(server: server, seen: presented.fingerprint, file: hosts.path, lines: lines)
    }
}
