public import SecamTLS

/// How the viewer knows that it talks to the right gateway.
public enum ServerTrust: Sendable {
    case authorities(file: String)
    case fingerprint(CertificateFingerprint)
    case pinned(KnownHosts)

    /// For a connection to this gateway. An unknown one is refused; whoever is to accept it does so before, since
    /// nothing can wait for a person in the middle of a handshake.
    func policy(for server: ServerAddress) throws(ClientError) -> TLSTrust {
        switch self {
        case .authorities(let file): return .authorities(file: file)
        case .fingerprint(let fingerprint): return .fingerprint(fingerprint)
        case .pinned(let hosts):
            let known = Set(try hosts.entries(for: server).map(\.fingerprint))
            return .decide { known.contains($0) }
        }
    }

    /// Says of a refused certificate whether another one was accepted before. Other errors stay as they are.
    func explain(_ error: ClientError, server: ServerAddress) throws(ClientError) -> ClientError {
        guard case .untrusted(_, .untrusted(_, let fingerprint, _)) = error, case .pinned(let hosts) = self,
            let known = try hosts.entries(for: server).first
        else { return error }
        return .certificateChanged(server: server, seen: fingerprint, file: hosts.path, line: known.line)
    }
}
