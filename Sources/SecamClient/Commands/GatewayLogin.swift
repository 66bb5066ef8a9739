import SecamBase
import SecamProcess
import SecamTLS
import SecamWire

/// Connects a `GatewayClient` and sees to the questions that come before: the password, and whether an unknown
/// certificate is the gateway's.
struct GatewayLogin: Sendable {
    private let plan: LoginPlan
    private let say: @Sendable (String) -> Void
    private(set) var trust: ServerTrust
    private let password: Secret
    /// Of the user's last login from this machine, if the gateway gave one.
    private let token: [UInt8]

    /// From the start of a connection to the gateway's certificate, in seconds.
    private static let patience = 15

    /// Asks for the password where it does not come from elsewhere.
    init(_ plan: LoginPlan, say: @escaping @Sendable (String) -> Void) throws(ClientError) {
        self.plan = plan
        self.say = say
        trust = plan.trust
        password = try plan.password.password(warn: say) { () throws(ClientError) -> Secret in
            guard let terminal = Terminal() else { throw .noPassword }
            return try terminal.secret("Password of \(printable(plan.username)) at \(plan.server): ")
        }
        do throws(SecretFile.Failure) {
            token = try plan.deviceTokens?.token(for: plan.username, at: plan.server) ?? []
        } catch {
            say("device token not used: \(error)")
            token = []
        }
    }

    var server: ServerAddress { plan.server }

    func settings() -> ViewerConnection.Settings {
        var settings = ViewerConnection.Settings(username: plan.username, password: password)
        settings.token = token
        if let deviceTokens = plan.deviceTokens {
            settings.keepToken = { [plan, say] token in
                do throws(SecretFile.Failure) {
                    try deviceTokens.store(token, for: plan.username, at: plan.server)
                } catch {
                    say("device token not stored: \(error)")
                }
            }
        }
        return settings
    }

    /// A client that is not started yet.
    func client(
        _ settings: ViewerConnection.Settings, reconnects: Bool, handler: @escaping @Sendable (GatewayEvent) -> Void
    ) throws(ClientError) -> GatewayClient {
        try GatewayClient(
            server: server, trust: try trust.policy(for: server), settings: settings, reconnects: reconnects,
            handler: handler)
    }

    /// Sees that the gateway's certificate is known, then runs `body` once.
    mutating func run<Result>(
        _ body: (GatewayLogin) throws(ClientError) -> Result
    ) throws(ClientError) -> Result {
        if case .pinned(let hosts) = trust, try hosts.entries(for: server).isEmpty {
            try accept(try presentedCertificate(), hosts)
        }
        do {
            return try body(self)
        } catch {
            throw try trust.explain(error, server: server)
        }
    }

    /// What the gateway shows in a handshake that is then refused: the password is not sent.
    private func presentedCertificate() throws(ClientError) -> PresentedCertificate {
        try CameraQuery<PresentedCertificate> { event throws(ClientError) in
            guard case .state(.failed(.untrusted(_, .untrusted(_, let presented, _)))) = event else { return nil }
            return presented
        }.run(self, settings(), seconds: Self.patience) { .noAnswer(server: server, seconds: Self.patience) }
    }

    /// On a terminal somebody is asked; without one the first certificate is taken, and said so.
    private func accept(_ presented: PresentedCertificate, _ hosts: KnownHosts) throws(ClientError) {
        if let terminal = Terminal() {
            try terminal.show(
                """
                The gateway \(server) is not known yet. Its certificate has the SHA-256 fingerprint
                  \(presented.fingerprint)
                and its key
                  \(presented.key)
                Compare one of them with the one that the gateway shows. Connect, and remember it? (yes/no) 
                """)
            guard let answer = try terminal.line(), ["yes", "y"].contains(answer.lowercased()) else {
                throw .notAccepted(server: server)
            }
        }
        // From now on the gateway must hold this key, whatever certificate it has for it.
        try hosts.add(server, presented.key)
        say(
            "the gateway \(server) is known from now on by the key of its certificate with the SHA-256 fingerprint "
                + "\(presented.fingerprint) (\(hosts.path))")
    }
}
