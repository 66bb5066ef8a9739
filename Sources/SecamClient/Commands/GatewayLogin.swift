import SecamBase
import SecamProcess
import SecamTLS
import SecamWire

/// Creates clients for one login. It asks the user for the password, for the code of a second factor, and whether to trust
/// an unknown certificate.
struct GatewayLogin: Sendable {
    private let plan: LoginPlan
    private let showMessage: @Sendable (String) -> Void
    private(set) var trust: ServerTrust
    /// Empty while the token of an earlier login takes its place.
    private var password: Secret
    private var code = Secret("")
    private let keyLog: TLSKeyLog?
    /// The token of the user's last login on this machine; empty without one.
    private let token: [UInt8]

    /// Time from the start of a connection to the gateway's certificate.
    private static let certificateTimeout: Duration = .seconds(15)

    /// Asks for the password unless the options or the environment contain it, or the user logged in before.
    init(_ plan: LoginPlan, showMessage: @escaping @Sendable (String) -> Void) throws(ClientError) {
        self.plan = plan
        self.showMessage = showMessage
        trust = plan.trust
        keyLog = try plan.keyLogFile.map { path throws(ClientError) in try Self.keyLog(path, showMessage) }
        do throws(SecretFile.Failure) {
            token = try plan.deviceTokens?.token(for: plan.username, at: plan.server) ?? []
        } catch {
            showMessage("the token of an earlier login is not used: \(error)")
            token = []
        }
        let hasToken = !token.isEmpty
        password = try plan.password.password(warn: showMessage) { () throws(ClientError) -> Secret in
            hasToken ? Secret("") : try Self.askForPassword(plan)
        }
    }

    private static func askForPassword(_ plan: LoginPlan) throws(ClientError) -> Secret {
        guard let terminal = Terminal() else { throw .noPassword }
        do throws(Terminal.Failure) {
            return try terminal.readSecret("Password of \(TerminalText.masked(plan.username)) at \(plan.server): ")
        } catch {
            throw ClientError(error)
        }
    }

    private static func keyLog(_ path: String, _ showMessage: (String) -> Void) throws(ClientError) -> TLSKeyLog {
        do {
            let log = try TLSKeyLog(path: path)
            showMessage(
                "warning: SSLKEYLOGFILE is set. Anyone who can read \(path) can decrypt a capture of this connection, "
                    + "the password included. Unset it, and delete the file after use.")
            return log
        } catch {
            throw .keyLog(error)
        }
    }

    var server: ServerAddress { plan.server }

    func settings() -> ViewerConnection.Settings {
        var settings = ViewerConnection.Settings(username: plan.username, password: password)
        settings.token = token
        settings.code = code
        if let deviceTokens = plan.deviceTokens {
            settings.keepToken = { [plan, showMessage] token in
                do throws(SecretFile.Failure) {
                    try deviceTokens.store(token, for: plan.username, at: plan.server)
                } catch {
                    showMessage("the token of this login is not stored: \(error)")
                }
            }
        }
        return settings
    }

    /// Returns a client that is not started yet.
    func client(
        _ settings: ViewerConnection.Settings, reconnects: Bool, handler: @escaping @Sendable (GatewayEvent) -> Void
    ) throws(ClientError) -> GatewayClient {
        try GatewayClient(
            server: server, trust: try trust.policy(for: server), keyLog: keyLog, settings: settings,
            reconnects: reconnects, handler: handler)
    }

    /// Asks the user to accept an unknown gateway, then runs `body`: once, and again with the password when the session of
    /// an earlier login is over, and with a code when the gateway asks for one.
    mutating func run<Result>(
        _ body: (GatewayLogin) throws(ClientError) -> Result
    ) throws(ClientError) -> Result {
        if case .pinned(let hosts) = trust, try hosts.entries(for: server).isEmpty {
            try accept(try presentedCertificate(), hosts)
        }
        while true {
            do {
                return try body(self)
            } catch .connection(_, .denied(.credentials, _, _)) where password.count == 0 && plan.password == .prompt {
                password = try Self.askForPassword(plan)
            } catch .connection(_, .denied(.secondFactor, _, _)) where code.count == 0 && Terminal() != nil {
                try askForCode()
            } catch {
                throw try trust.explain(error, server: server)
            }
        }
    }

    private mutating func askForCode() throws(ClientError) {
        guard let terminal = Terminal() else { return }
        do throws(Terminal.Failure) {
            code = try terminal.readSecret("Code of the second factor, or a recovery code: ")
        } catch {
            throw ClientError(error)
        }
    }

    /// Returns the certificate from a handshake that the client then refuses, so that it sends no password.
    private func presentedCertificate() throws(ClientError) -> PresentedCertificate {
        try CameraQuery<PresentedCertificate> { event throws(ClientError) in
            guard case .state(.failed(.untrusted(_, .untrusted(_, let presented, _)))) = event else { return nil }
            return presented
        }.run(self, settings(), timeout: Self.certificateTimeout)
    }

    /// Asks the user on a terminal; without a terminal, accepts the first certificate with a message.
    private func accept(_ presented: PresentedCertificate, _ hosts: KnownHosts) throws(ClientError) {
        if let terminal = Terminal() {
            guard let answer = try ask(presented, terminal), ["yes", "y"].contains(answer.lowercased()) else {
                throw .notAccepted(server: server)
            }
        }
        // Pins the key, not the certificate, so that the gateway may renew its certificate.
        try hosts.add(server, presented.key)
        showMessage(
            "remembered the key of the gateway \(server) in \(hosts.path); its certificate has the SHA-256 fingerprint "
                + "\(presented.fingerprint)")
    }

    private func ask(
        _ presented: PresentedCertificate, _ terminal: borrowing Terminal
    ) throws(ClientError) -> String? {
        do throws(Terminal.Failure) {
            try terminal.show(
                """
                The gateway \(server) is unknown. The SHA-256 fingerprint of its certificate is
                  \(presented.fingerprint)
                and that of its key is
                  \(presented.key)
                Compare one of them with the fingerprint that the gateway shows. Connect and remember the key? (yes/no) 
                """)
            return try terminal.readLine()
        } catch {
            throw ClientError(error)
        }
    }
}

extension ClientError {
    fileprivate init(_ failure: Terminal.Failure) {
        switch failure {
        case .cancelled: self = .passwordPromptCancelled
        case .inputOutput(let operation, let reason):
            self = .file(path: Terminal.path, operation: operation, reason: reason)
        }
    }
}
