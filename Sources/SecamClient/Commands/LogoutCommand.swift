import ArgumentParser
import SecamBase
import SecamProcess
import SecamWire

/// Ends the login that is remembered on this machine.
struct LogoutCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "logout", abstract: "End the login that is remembered on this machine.")

    @ParentCommand var parent: SecamView
    @OptionGroup var connection: ConnectionOptions<AfterCommand>

    private static let timeout: Duration = .seconds(15)

    func run() throws {
        try SecamView.run { () throws(ClientError) in
            var plan = try LoginPlan(connection, parent.leading)
            // Only the token logs in.
            plan.password = .environment("")
            guard let tokens = plan.deviceTokens, try Self.hasToken(tokens, plan) else {
                throw .notLoggedIn(server: plan.server)
            }
            try Self.endSession(plan)
            try Self.removeToken(tokens, plan)
        }
    }

    private static func hasToken(_ tokens: DeviceTokens, _ plan: LoginPlan) throws(ClientError) -> Bool {
        do throws(SecretFile.Failure) {
            return try tokens.token(for: plan.username, at: plan.server) != nil
        } catch {
            throw .file(path: error.path, operation: "read", reason: error.reason)
        }
    }

    private static func removeToken(_ tokens: DeviceTokens, _ plan: LoginPlan) throws(ClientError) {
        do throws(SecretFile.Failure) {
            try tokens.remove(for: plan.username, at: plan.server)
        } catch {
            throw .file(path: error.path, operation: "write", reason: error.reason)
        }
    }

    /// Ends the session at the gateway, unless it is over already.
    private static func endSession(_ plan: LoginPlan) throws(ClientError) {
        var login = try GatewayLogin(plan, showMessage: StandardError.line)
        var settings = login.settings()
        settings.endsSession = true
        let ending = settings
        do throws(ClientError) {
            _ = try login.run { (login) throws(ClientError) in
                try CameraQuery<Bool> { event throws(ClientError) in
                    if case .cameras = event { true } else { nil }
                }.run(login, ending, timeout: timeout)
            }
        } catch .connection(_, .denied(.credentials, _, _)) {
            return
        }
    }
}
