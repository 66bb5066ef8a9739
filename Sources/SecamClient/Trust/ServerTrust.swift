public import SecamTLS

/// How the viewer knows that it talks to the right gateway.
public enum ServerTrust: Sendable {
    case authorities(file: String)
    case fingerprint(CertificateFingerprint)
    case pinned(KnownHosts)

    /// For a connection to this gateway. An unknown gateway is refused at first, so that nothing waits in the
    /// middle of a handshake: its fingerprint comes with the error, and is then accepted and added, or not.
    func policy(for server: ServerAddress) throws(ClientError) -> TLSTrust {
        switch self {
        case .authorities(let file): return .authorities(file: file)
        case .fingerprint(let fingerprint): return .fingerprint(fingerprint)
        case .pinned(let hosts):
            let known = Set(try hosts.entries(for: server).map(\.fingerprint))
            return .decide { known.contains($0) }
        }
    }

    /// What a refused certificate means here.
    enum Refusal: Equatable {
        /// Never seen before: somebody may accept it.
        case unknown(CertificateFingerprint, KnownHosts)
        case final(ClientError)

        static func == (left: Refusal, right: Refusal) -> Bool {
            switch (left, right) {
            case (.unknown(let one, let file), .unknown(let other, let otherFile)):
                one == other && file.path == otherFile.path
            case (.final(let one), .final(let other)): one == other
            default: false
            }
        }
    }

    func refusal(of error: ClientError, server: ServerAddress) throws(ClientError) -> Refusal {
        guard case .untrusted(_, .untrusted(_, let fingerprint, _)) = error, case .pinned(let hosts) = self else {
            return .final(error)
        }
        guard let known = try hosts.entries(for: server).first else { return .unknown(fingerprint, hosts) }
        return .final(
            .certificateChanged(server: server, seen: fingerprint, file: hosts.path, line: known.line))
    }
}
