import SecamTLS
import SecamWire

/// Connects a `GatewayClient` and sees to the questions that come before: the password, and whether an unknown
/// certificate is the gateway's.
struct GatewayLogin: Sendable {
    private let plan: LoginPlan
    private let say: @Sendable (String) -> Void
    private(set) var trust: ServerTrust
    private let password: String

    /// Asks for the password where it does not come from elsewhere.
    init(_ plan: LoginPlan, say: @escaping @Sendable (String) -> Void) throws(ClientError) {
        self.plan = plan
        self.say = say
        trust = plan.trust
        password = try plan.password.password(warn: say) { () throws(ClientError) -> String in
            guard let terminal = Terminal() else { throw .noPassword }
            return try terminal.secret("Password of \(printable(plan.username)) at \(plan.server): ")
        }
    }

    var server: ServerAddress { plan.server }

    func settings() -> ViewerConnection.Settings {
        ViewerConnection.Settings(username: plan.username, password: password)
    }

    /// A client that is not started yet.
    func client(
        _ settings: ViewerConnection.Settings, reconnects: Bool, handler: @escaping @Sendable (GatewayEvent) -> Void
    ) throws(ClientError) -> GatewayClient {
        try GatewayClient(
            server: server, trust: try trust.policy(for: server), settings: settings, reconnects: reconnects,
            handler: handler)
    }

    /// Runs `attempt`, and once more when it fails at an unknown certificate that is then accepted and pinned.
    mutating func run<Result>(
        _ attempt: (GatewayLogin) throws(ClientError) -> Result
    ) throws(ClientError) -> Result {
        do {
            return try attempt(self)
        } catch {
            switch try trust.refusal(of: error, server: server) {
            case .final(let error): throw error
            case .unknown(let fingerprint, let hosts):
                try accept(fingerprint, hosts)
                return try attempt(self)
            }
        }
    }

    /// On a terminal somebody is asked; without one the first certificate is taken, and said so.
    private mutating func accept(_ fingerprint: CertificateFingerprint, _ hosts: KnownHosts) throws(ClientError) {
        if let terminal = Terminal() {
            try terminal.show(
                """
                The gateway \(server) is not known yet. Its certificate has the SHA-256 fingerprint
                  \(fingerprint)
                Compare it with the one that the gateway shows. Connect, and remember it? (yes/no) 
                """)
            guard let answer = try terminal.line(), ["yes", "y"].contains(answer.lowercased()) else {
                throw .notAccepted(server: server)
            }
        }
        try hosts.add(server, fingerprint)
        say("the gateway \(server) is known from now on by the SHA-256 fingerprint \(fingerprint) (\(hosts.path))")
        // Whoever answers next must be the one that was just accepted.
        trust = .fingerprint(fingerprint)
    }
}
