public import Logging
import SecamTLS
public import SecamWire
import Synchronization

/// What a login came to.
public enum LoginOutcome: Sendable, Hashable {
    /// - Parameter asOf: the change counter of the accounts when they were read. Whoever learned of a later change
    ///   must check the user against it.
    case accepted(User, asOf: Int64)
    /// - Parameter wait: seconds before another try can succeed.
    case denied(DenialReason, wait: UInt32)
}

/// Checks names and passwords, off the event loops.
///
/// An unknown user, a disabled one and a wrong password cost the same time and give the same answer.
public final class Authenticator: Sendable {
    private let users: UserStore
    private let audit: AuditLog
    private let logger: Logger
    private let pool: VerificationPool
    private let dummyHash: String
    private let loginGuard: Mutex<LoginGuard>
    private let clock: @Sendable () -> LoginGuard.Instant

    /// - Parameters:
    ///   - width: passwords that are checked at once, 1 to 3. Each takes a core for a tenth of a second, and 32 MiB.
    ///     With more, right logins of one user at the same moment would look like guessing to `LoginGuard`.
    ///   - depth: logins that may wait besides; all further ones are denied as `busy`.
    ///   - clock: by which wrong tries are forgotten.
    /// - Throws: `hashing` when libcrypto has no random numbers.
    public init(
        users: UserStore, audit: AuditLog, loginGuard: LoginGuard = LoginGuard(), width: Int = 2, depth: Int = 64,
        clock: @escaping @Sendable () -> LoginGuard.Instant = { .now }, logger: Logger
    ) throws(UsersError) {
        precondition((1...LockPolicy.pair.threshold).contains(width), "Authenticator: width out of range")
        self.users = users
        self.audit = audit
        self.logger = logger
        self.loginGuard = Mutex(loginGuard)
        self.clock = clock
        pool = VerificationPool(width: width, depth: depth)
        do {
            dummyHash = try PasswordHash.dummy()
        } catch {
            throw .hashing(reason: "\(error)")
        }
    }

    /// Checks one login. Returns at once.
    ///
    /// - Parameters:
    ///   - peer: address and port, for the audit log.
    ///   - network: what `LoginGuard` takes as an address.
    ///   - completion: called exactly once, on the caller's thread or one of the pool.
    public func authenticate(
        username: String, password: String, peer: String, network: String,
        completion: @escaping @Sendable (LoginOutcome) -> Void
    ) {
        // Asked here too, so that tries under a lock do not take places in the queue.
        let wait = loginGuard.withLock { $0.wait(user: username, address: network, at: clock()) }
        guard wait == .zero else {
            return completion(refuse(.locked, wait: Self.seconds(wait), username: username, peer: peer))
        }
        let isTaken = pool.submit {
            completion(self.check(username: username, password: password, peer: peer, network: network))
        }
        if !isTaken {
            completion(refuse(.busy, wait: Self.busyWait, username: username, peer: peer))
        }
    }

    /// Seconds after which a viewer should try again when too many logins wait.
    private static let busyWait: UInt32 = 2

    private func refuse(_ reason: DenialReason, wait: UInt32, username: String, peer: String) -> LoginOutcome {
        audit.record(.refusal, user: username, address: peer, reason: "\(reason)")
        return .denied(reason, wait: wait)
    }

    /// One try, on a thread of the pool.
    private func check(username: String, password: String, peer: String, network: String) -> LoginOutcome {
        let attempt: LoginGuard.Attempt
        switch loginGuard.withLock({ $0.begin(user: username, address: network, at: clock()) }) {
        case .locked(let wait):
            return refuse(.locked, wait: Self.seconds(wait), username: username, peer: peer)
        case .proceed(let admitted):
            attempt = admitted
        }
        let user: User?
        let counter: Int64
        do {
            (user, counter) = try find(username: username, password: password)
        } catch {
            loginGuard.withLock { $0.withdrawn(attempt) }
            logger.error("a login could not be checked", metadata: ["reason": "\(error)"])
            audit.record(.refusal, user: username, address: peer, reason: "accounts not readable")
            return .denied(.busy, wait: Self.busyWait)
        }
        guard let user else {
            let wait = loginGuard.withLock { $0.failed(attempt, at: clock()) }
            let outcome = refuse(.credentials, wait: Self.seconds(wait), username: username, peer: peer)
            if wait > .zero {
                audit.record(.lockout, user: username, address: peer, reason: "\(Self.seconds(wait)) s")
            }
            return outcome
        }
        loginGuard.withLock { $0.succeeded(attempt, at: clock()) }
        audit.record(.login, user: username, address: peer, reason: user.role.description)
        return .accepted(user, asOf: counter)
    }

    /// The user, when there is one of this name and password who may log in.
    private func find(username: String, password: String) throws(UsersError) -> (User?, Int64) {
        var account: Account?
        var counter: Int64 = 0
        if let name = try? Name(username) {
            (account, counter) = try users.credentials(of: name)
        }
        guard try isRight(password, for: account), let account, !account.user.disabled else { return (nil, counter) }
        return (account.user, counter)
    }

    /// Takes the same time for each account, and for none.
    private func isRight(_ password: String, for account: Account?) throws(UsersError) -> Bool {
        do throws(TLSError) {
            return try PasswordHash.verify(password, against: account?.passwordHash ?? dummyHash)
        } catch .malformedPasswordHash(let reason) {
            logger.error(
                "a user's password hash cannot be read; set the password anew",
                metadata: ["user": "\(account?.user.name.text ?? "")", "reason": "\(reason)"])
            _ = try? PasswordHash.verify(password, against: dummyHash)
            return false
        } catch {
            throw .hashing(reason: "\(error)")
        }
    }

    private static func seconds(_ duration: Duration) -> UInt32 {
        let (seconds, attoseconds) = duration.components
        return UInt32(clamping: attoseconds > 0 ? seconds + 1 : seconds)
    }
}
