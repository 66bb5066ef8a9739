import Logging
import SecamBase
import SecamCrypto
import SecamUsers
import SecamWeb
import SecamWire

/// Makes the changes that users make to their own accounts over HTTP. Every call blocks on the disk.
struct AccountChanger: Sendable {
    private let accounts: UserStore
    private let sessions: SessionStore
    private let audit: AuditLog
    private let client: LoginPeer
    private let logger: Logger

    /// - Parameter client: the origin of the request, for the audit log.
    init(_ accounts: UserStore, _ sessions: SessionStore, _ audit: AuditLog, _ client: LoginPeer, _ logger: Logger) {
        self.accounts = accounts
        self.sessions = sessions
        self.audit = audit
        self.client = client
        self.logger = logger
    }

    /// Makes a change after a check of the user's login.
    ///
    /// - Parameter user: the user name of the login.
    func apply(_ change: AccountChange, _ outcome: LoginOutcome, user: String) -> AccountChangeResult {
        do throws(UsersError) {
            switch (outcome, change) {
            // The password is right, and this change sets up the missing second factor.
            case (.denied(.enrolment, _), .makeSecondFactor), (.denied(.enrolment, _), .setSecondFactor):
                guard let name = try? Name(user) else { return .failed }
                return try apply(change, name)
            case (.denied(let reason, let wait), _): return .denied(reason, wait: wait)
            case (.accepted(let user, _, _), _): return try apply(change, user.name)
            }
        } catch .tooManyTokens {
            return .tooManyTokens
        } catch {
            logger.error("account not changed", metadata: ["reason": "\(error)"])
            return .failed
        }
    }

    private func apply(_ change: AccountChange, _ name: Name) throws(UsersError) -> AccountChangeResult {
        switch change {
        case .addToken(let label, let scopes, let cameras, let expires):
            let token = try accounts.addToken(
                of: name, label: label, scopes: scopes, cameras: cameras, expires: expires)
            try record(.tokenAdded, name)
            return .tokenAdded(id: token.entry.id, text: token.text)
        case .makeSecondFactor: return .secondFactorMade(try random(SecondFactor.random), user: name)
        case .setSecondFactor(let factor, let code):
            guard let step = try? factor.step(ofCode: code, at: WallClock.now) else { return .wrongCode }
            let codes = try random(RecoveryCodes.random)
            try accounts.setSecondFactor(factor, usedStep: step, recoveryCodes: codes, of: name)
            try record(.secondFactorSet, name)
            return .secondFactorSet(recoveryCodes: codes)
        case .removeSecondFactor:
            guard try !accounts.secondFactor(of: name).isRequired else { return .secondFactorRequired }
            guard try accounts.removeSecondFactor(of: name) else { return .secondFactorRemoved }
            try record(.secondFactorRemoved, name)
            return .secondFactorRemoved
        }
    }

    /// - Returns: whether the user had this token.
    func removeToken(_ id: String, of name: Name) -> Bool {
        do throws(UsersError) {
            try accounts.removeToken(id, of: name)
            try record(.tokenRemoved, name)
            return true
        } catch .noSuchToken {
            return false
        } catch {
            logger.error("token not removed", metadata: ["reason": "\(error)"])
            return false
        }
    }

    /// Records a change, and makes it valid before the client is told of it.
    private func record(_ event: AuditEvent, _ name: Name) throws(UsersError) {
        audit.record(event, user: name.text, address: client.address, network: client.network, reason: "page")
        try sessions.reload()
    }

    private func random<Value>(_ make: () throws(CryptoError) -> Value) throws(UsersError) -> Value {
        do {
            return try make()
        } catch {
            throw .hashing(reason: "\(error)")
        }
    }
}
