package import Logging
import SecamBase
import SecamCrypto
package import SecamWire
import Synchronization

/// The result of a login.
package enum LoginOutcome: Sendable, Hashable {
    /// - Parameters:
    ///   - asOf: the change counter of the accounts when the user was read. A caller that knows of a later change must
    ///     check the user again.
    ///   - token: a new device token for the viewer, if it asked for one and has none.
    case accepted(User, asOf: Int64, token: [UInt8]? = nil)
    /// - Parameter wait: time until another attempt can succeed, seconds.
    case denied(DenialReason, wait: UInt32)
}

/// The origin of a login.
package struct LoginPeer: Sendable, Hashable {
    /// Address and port, for the audit log.
    package let address: String
    /// The part of the address that a peer cannot change at will: an IPv4 address, or an IPv6 network of 64 bits.
    package let network: String
    /// Whether the peer runs on the gateway's own host.
    package let isHost: Bool

    package init(address: String, network: String, isHost: Bool = false) {
        self.address = address
        self.network = network
        self.isHost = isHost
    }
}

/// Checks logins on threads of its own.
///
/// Unknown users, disabled users and wrong passwords take the same time and get the same answer. Logins with a device
/// token, from a known network or from the host have a queue of their own, which strangers cannot fill.
package final class Authenticator: Sendable {
    private let users: UserStore
    private let audit: AuditLog
    private let logger: Logger
    private let pool: VerificationPool
    private let dummyHash: String
    private let loginGuard: Mutex<LoginGuard>
    /// Held while earlier logins are read or written, so that a reload does not lose a login that is being written.
    private let storage = Mutex(())
    private let clock: @Sendable () -> LoginGuard.Instant
    /// UTC microseconds.
    private let time: @Sendable () -> Int64

    /// - Parameters:
    ///   - width: the number of passwords checked at once, 1 to 3. Each takes a core for a tenth of a second, and 32 MiB.
    ///     With more than 3, `LoginGuard` would lock a user with as many correct logins at the same moment.
    ///   - depth: maximum waiting logins of strangers, and as many of known peers. Further logins are denied as `busy`.
    ///   - clock: the clock of locks and budgets.
    ///   - time: the clock of the second factor's codes, UTC microseconds.
    /// - Throws: `hashing` when libcrypto has no random numbers, `database` when earlier logins cannot be read.
    package init(
        users: UserStore, audit: AuditLog, loginGuard: LoginGuard = LoginGuard(), width: Int = 2, depth: Int = 64,
        clock: @escaping @Sendable () -> LoginGuard.Instant = { .now },
        time: @escaping @Sendable () -> Int64 = { WallClock.now }, logger: Logger
    ) throws(UsersError) {
        precondition((1...LockPolicy.stranger.threshold).contains(width), "Authenticator: width out of range")
        self.users = users
        self.audit = audit
        self.logger = logger
        self.loginGuard = Mutex(loginGuard)
        self.clock = clock
        self.time = time
        pool = VerificationPool(width: width, depth: depth)
        do {
            dummyHash = try PasswordHash.dummy()
        } catch {
            throw .hashing(reason: "\(error)")
        }
        try reloadEarlierLogins()
    }

    /// Reloads the earlier logins after a change of the accounts. Blocks.
    package func reloadEarlierLogins() throws(UsersError) {
        try storage.withLock { _ throws(UsersError) in
            let earlier = try users.earlierLogins()
            loginGuard.withLock { $0.earlier = earlier }
        }
    }

    /// Returns whether any user has logged in from this network.
    package func knows(network: String) -> Bool { loginGuard.withLock { $0.earlier.knows(network: network) } }

    /// Checks a login. Returns at once.
    ///
    /// - Parameter completion: called exactly once, on the caller's thread or a thread of the pool.
    package func authenticate(
        _ login: Login, from peer: LoginPeer, completion: @escaping @Sendable (LoginOutcome) -> Void
    ) {
        let attempt = Attempt(login, peer)
        // Checked before queueing too, so that locked attempts do not fill the queue.
        let (wait, evidence) = loginGuard.withLock {
            let now = clock()
            return ($0.wait(attempt.origin, at: now), $0.evidence(of: attempt.origin, at: now))
        }
        guard wait == .zero else {
            return completion(refuse(.locked, wait: Self.seconds(wait), attempt))
        }
        let isStranger = evidence == .stranger
        let isTaken = pool.submit(
            key: isStranger ? peer.network : login.username, lane: isStranger ? .ordinary : .preferred
        ) {
            completion(self.check(attempt))
        }
        if !isTaken {
            completion(refuse(.busy, wait: Self.busyWaitSeconds, attempt))
        }
    }

    /// A login with its origin.
    private struct Attempt: Sendable {
        let login: Login
        let peer: LoginPeer
        let origin: LoginGuard.Origin

        init(_ login: Login, _ peer: LoginPeer) {
            self.login = login
            self.peer = peer
            let device = login.token == DeviceToken.none ? nil : try? RandomToken.hash(login.token)
            origin = LoginGuard.Origin(
                user: login.username, network: peer.network, isHost: peer.isHost, device: device)
        }
    }

    /// The wait in DENIED when too many logins are waiting, seconds.
    private static let busyWaitSeconds: UInt32 = 2

    private func refuse(_ reason: DenialReason, wait: UInt32, _ attempt: Attempt) -> LoginOutcome {
        record(.refusal, attempt, reason: "\(reason)")
        return .denied(reason, wait: wait)
    }

    private func record(_ event: AuditEvent, _ attempt: Attempt, reason: String) {
        audit.record(
            event, user: attempt.login.username, address: attempt.peer.address, network: attempt.peer.network,
            reason: reason)
    }

    /// Checks a login on a thread of the pool.
    private func check(_ attempt: Attempt) -> LoginOutcome {
        let admitted: LoginGuard.Attempt
        switch loginGuard.withLock({ $0.admit(attempt.origin, at: clock()) }) {
        case .locked(let wait):
            return refuse(.locked, wait: Self.seconds(wait), attempt)
        case .admitted(let charged):
            admitted = charged
        }
        let account: Account?
        let counter: Int64
        let refusal: CodeRefusal?
        do {
            (account, counter) = try find(attempt.login)
            refusal = try account.flatMap { account throws(UsersError) in
                try checkCode(attempt.login.code, of: account, admitted.evidence)
            }
        } catch {
            loginGuard.withLock { $0.withdraw(admitted, at: clock()) }
            logger.error("login not checked", metadata: ["reason": "\(error)"])
            record(.refusal, attempt, reason: "accounts not readable")
            return .denied(.busy, wait: Self.busyWaitSeconds)
        }
        guard let user = account?.user else { return fail(.credentials, attempt, admitted) }
        switch refusal {
        case .wrong: return fail(.secondFactor, attempt, admitted)
        case .missing, .notEnrolled:
            // Neither a success, which would clear earlier failures, nor a guess.
            loginGuard.withLock { $0.withdraw(admitted, at: clock()) }
            return refuse(refusal == .missing ? .secondFactor : .enrolment, wait: 0, attempt)
        case nil: break
        }
        loginGuard.withLock { $0.recordSuccess(of: admitted, at: clock()) }
        record(.login, attempt, reason: user.role.description)
        return .accepted(user, asOf: counter, token: remember(user, attempt, admitted.evidence))
    }

    private func fail(_ reason: DenialReason, _ attempt: Attempt, _ admitted: LoginGuard.Attempt) -> LoginOutcome {
        let wait = loginGuard.withLock { $0.recordFailure(of: admitted, at: clock()) }
        let outcome = refuse(reason, wait: Self.seconds(wait), attempt)
        if wait > .zero { record(.lockout, attempt, reason: "\(Self.seconds(wait)) s") }
        return outcome
    }

    /// The reason why a login with the right password fails.
    private enum CodeRefusal {
        case missing
        case wrong
        /// The user must set up a second factor first.
        case notEnrolled
    }

    /// Checks and uses up the code of the second factor, or a recovery code. A device token is proof of an earlier login
    /// with a code.
    private func checkCode(
        _ code: Secret, of account: Account, _ evidence: LoginGuard.Evidence
    ) throws(UsersError) -> CodeRefusal? {
        guard let factor = account.secondFactor.factor else {
            return account.secondFactor.isRequired ? .notEnrolled : nil
        }
        guard evidence != .device else { return nil }
        let typed = unsafe code.withBytes { bytes in unsafe String(decoding: bytes, as: UTF8.self) }
        guard typed.contains(where: { $0 != " " }) else { return .missing }
        let name = account.user.name
        do {
            if let step = try factor.step(ofCode: typed, at: time()) {
                return try users.use(step: step, of: name) ? nil : .wrong
            }
        } catch let error as UsersError {
            throw error
        } catch {
            throw .hashing(reason: "\(error)")
        }
        return try users.use(recoveryCode: typed, of: name) ? nil : .wrong
    }

    /// Stores the network and device of a successful login.
    ///
    /// - Returns: a new device token when the viewer asked for one and sent no valid one.
    private func remember(_ user: User, _ attempt: Attempt, _ evidence: LoginGuard.Evidence) -> [UInt8]? {
        do {
            var token: [UInt8]?
            var device = evidence == .device ? attempt.origin.device : nil
            if attempt.login.remember, device == nil {
                let fresh = try SecureRandom.bytes(WireLimits.deviceToken)
                token = fresh
                device = try RandomToken.hash(fresh)
            }
            let isWritten = try storage.withLock { _ in
                try write(user, network: attempt.peer.network, device: device)
            }
            return isWritten ? token : nil
        } catch {
            // The login itself succeeded. The user's next login merely counts as a stranger's.
            logger.error("login not stored", metadata: ["user": "\(user.name)", "reason": "\(error)"])
            return nil
        }
    }

    private func write(_ user: User, network: String, device: String?) throws(UsersError) -> Bool {
        let name = user.name.text
        let time = WallClock.now
        guard loginGuard.withLock({ $0.earlier.isWriteDue(name, network: network, device: device, at: time) }) else {
            return true
        }
        guard try users.recordLogin(of: user, network: network, device: device, at: time) else { return false }
        loginGuard.withLock {
            $0.earlier.insert(name, network: network, lastLogin: time)
            if let device { $0.earlier.insert(name, device: device, lastLogin: time) }
        }
        return true
    }

    /// Returns the account if name and password are correct and the account is enabled, and the change counter.
    private func find(_ login: Login) throws(UsersError) -> (Account?, Int64) {
        var account: Account?
        var counter: Int64 = 0
        if let name = try? Name(login.username) {
            (account, counter) = try users.credentials(of: name)
        }
        guard try isRight(login.password, for: account), let account, !account.user.disabled else {
            return (nil, counter)
        }
        return (account, counter)
    }

    /// Checks a password. Takes the same time whether or not there is an account.
    private func isRight(_ password: Secret, for account: Account?) throws(UsersError) -> Bool {
        do throws(CryptoError) {
            return try verify(password, against: account?.passwordHash ?? dummyHash)
        } catch .malformedPasswordHash(let reason) {
            logger.error(
                "password hash invalid, login denied until the password is set again",
                metadata: ["user": "\(account?.user.name.text ?? "")", "reason": "\(reason)"])
            _ = try? verify(password, against: dummyHash)
            return false
        } catch {
            throw .hashing(reason: "\(error)")
        }
    }

    private func verify(_ password: Secret, against hash: String) throws(CryptoError) -> Bool {
        try unsafe password.withBytes { bytes throws(CryptoError) in
            if let normalized = unsafe PasswordRules.normalized(bytes),
                try Self.verify(normalized, against: hash)
            {
                return true
            }
            // Also a password that an earlier version hashed as it was typed.
            return try unsafe PasswordHash.verify(bytes, against: hash)
        }
    }

    private static func verify(_ password: [UInt8], against hash: String) throws(CryptoError) -> Bool {
        let result = unsafe password.withUnsafeBytes { bytes in
            Result { () throws(CryptoError) in try unsafe PasswordHash.verify(bytes, against: hash) }
        }
        return try result.get()
    }

    /// Returns whole seconds, rounded up.
    private static func seconds(_ duration: Duration) -> UInt32 {
        let (seconds, attoseconds) = duration.components
        return UInt32(clamping: attoseconds > 0 ? seconds + 1 : seconds)
    }
}
