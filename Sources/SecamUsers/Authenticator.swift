import Glibc
package import Logging
import SecamBase
import SecamCrypto
package import SecamWire
import Synchronization

/// What a login came to.
package enum LoginOutcome: Sendable, Hashable {
    /// - Parameters:
    ///   - asOf: the change counter of the accounts when they were read. Whoever learned of a later change must check
    ///     the user against it.
    ///   - token: a new device token for the viewer, if it is to have one.
    case accepted(User, asOf: Int64, token: [UInt8]? = nil)
    /// - Parameter wait: seconds before another try can succeed.
    case denied(DenialReason, wait: UInt32)
}

/// Where a login comes from.
package struct LoginPeer: Sendable, Hashable {
    /// Address and port, for the audit log.
    package let address: String
    /// What one peer cannot change at will: an IPv4 address, or an IPv6 network of 64 bits.
    package let network: String
    /// Whether the peer runs on the gateway's own host.
    package let isHost: Bool

    package init(address: String, network: String, isHost: Bool = false) {
        self.address = address
        self.network = network
        self.isHost = isHost
    }
}

/// Checks names and passwords, off the event loops.
///
/// An unknown user, a disabled one and a wrong password cost the same time and give the same answer. Logins with a device
/// token, from an accustomed network or from the host have a queue of their own, which strangers cannot fill.
package final class Authenticator: Sendable {
    private let users: UserStore
    private let audit: AuditLog
    private let logger: Logger
    private let pool: VerificationPool
    private let dummyHash: String
    private let loginGuard: Mutex<LoginGuard>
    /// Held while earlier logins are read from or written to the accounts, so that none is lost in between.
    private let memory = Mutex(())
    private let clock: @Sendable () -> LoginGuard.Instant

    /// - Parameters:
    ///   - width: passwords that are checked at once, 1 to 3. Each takes a core for a tenth of a second, and 32 MiB.
    ///     With more, right logins of one user at the same moment would look like guessing to `LoginGuard`.
    ///   - depth: logins of strangers that may wait besides, and as many of others; all further ones are denied as
    ///     `busy`.
    ///   - clock: by which wrong tries are forgotten.
    /// - Throws: `hashing` when libcrypto has no random numbers, `database` when earlier logins cannot be read.
    package init(
        users: UserStore, audit: AuditLog, loginGuard: LoginGuard = LoginGuard(), width: Int = 2, depth: Int = 64,
        clock: @escaping @Sendable () -> LoginGuard.Instant = { .now }, logger: Logger
    ) throws(UsersError) {
        precondition((1...LockPolicy.stranger.threshold).contains(width), "Authenticator: width out of range")
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
        try reloadEarlierLogins()
    }

    /// Reads anew from where users logged in before, after the accounts changed. Blocks on the disk.
    package func reloadEarlierLogins() throws(UsersError) {
        try memory.withLock { _ throws(UsersError) in
            let earlier = try users.earlierLogins()
            loginGuard.withLock { $0.earlier = earlier }
        }
    }

    /// Whether any user logged in from this network before.
    package func knows(network: String) -> Bool { loginGuard.withLock { $0.earlier.knows(network: network) } }

    /// Checks one login. Returns at once.
    ///
    /// - Parameter completion: called exactly once, on the caller's thread or one of the pool.
    package func authenticate(
        _ login: Login, from peer: LoginPeer, completion: @escaping @Sendable (LoginOutcome) -> Void
    ) {
        let attempt = Attempt(login, peer)
        // Asked here too, so that tries under a lock do not take places in the queue.
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
            completion(refuse(.busy, wait: Self.busyWait, attempt))
        }
    }

    /// One login and where it comes from.
    private struct Attempt: Sendable {
        let login: Login
        let peer: LoginPeer
        let origin: LoginGuard.Origin

        init(_ login: Login, _ peer: LoginPeer) {
            self.login = login
            self.peer = peer
            let device = login.token == DeviceToken.none ? nil : try? EarlierLogins.hash(ofToken: login.token)
            origin = LoginGuard.Origin(
                user: login.username, network: peer.network, isHost: peer.isHost, device: device)
        }
    }

    /// Seconds after which a viewer should try again when too many logins wait.
    private static let busyWait: UInt32 = 2

    private func refuse(_ reason: DenialReason, wait: UInt32, _ attempt: Attempt) -> LoginOutcome {
        record(.refusal, attempt, reason: "\(reason)")
        return .denied(reason, wait: wait)
    }

    private func record(_ event: AuditEvent, _ attempt: Attempt, reason: String) {
        audit.record(
            event, user: attempt.login.username, address: attempt.peer.address, network: attempt.peer.network,
            reason: reason)
    }

    /// One try, on a thread of the pool.
    private func check(_ attempt: Attempt) -> LoginOutcome {
        let admitted: LoginGuard.Attempt
        switch loginGuard.withLock({ $0.begin(attempt.origin, at: clock()) }) {
        case .locked(let wait):
            return refuse(.locked, wait: Self.seconds(wait), attempt)
        case .proceed(let proceeding):
            admitted = proceeding
        }
        let user: User?
        let counter: Int64
        do {
            (user, counter) = try find(attempt.login)
        } catch {
            loginGuard.withLock { $0.withdrawn(admitted, at: clock()) }
            logger.error("login not checked", metadata: ["reason": "\(error)"])
            record(.refusal, attempt, reason: "accounts not readable")
            return .denied(.busy, wait: Self.busyWait)
        }
        guard let user else {
            let wait = loginGuard.withLock { $0.failed(admitted, at: clock()) }
            let outcome = refuse(.credentials, wait: Self.seconds(wait), attempt)
            if wait > .zero { record(.lockout, attempt, reason: "\(Self.seconds(wait)) s") }
            return outcome
        }
        loginGuard.withLock { $0.succeeded(admitted, at: clock()) }
        record(.login, attempt, reason: user.role.description)
        return .accepted(user, asOf: counter, token: remember(user, attempt, admitted.evidence))
    }

    /// Remembers network and device of a login.
    ///
    /// - Returns: a token when the viewer wants one and has none that is valid.
    private func remember(_ user: User, _ attempt: Attempt, _ evidence: LoginGuard.Evidence) -> [UInt8]? {
        do {
            var token: [UInt8]?
            var device = evidence == .device ? attempt.origin.device : nil
            if attempt.login.remember, device == nil {
                let fresh = try SecureRandom.bytes(WireLimits.deviceToken)
                token = fresh
                device = try EarlierLogins.hash(ofToken: fresh)
            }
            let isWritten = try memory.withLock { _ in
                try write(user, network: attempt.peer.network, device: device)
            }
            return isWritten ? token : nil
        } catch {
            // Only the next login is harder for it.
            logger.error("login not remembered", metadata: ["user": "\(user.name)", "reason": "\(error)"])
            return nil
        }
    }

    private func write(_ user: User, network: String, device: String?) throws(UsersError) -> Bool {
        let name = user.name.text
        let time = Self.utcMicroseconds()
        guard loginGuard.withLock({ $0.earlier.isNews(name, network: network, device: device, at: time) }) else {
            return true
        }
        guard try users.recordLogin(of: user, network: network, device: device, at: time) else { return false }
        loginGuard.withLock { guarded in
            guarded.earlier.insert(name, network: network, lastLogin: time)
            if let device { guarded.earlier.insert(name, device: device, lastLogin: time) }
        }
        return true
    }

    /// The user, when there is one of this name and password who may log in.
    private func find(_ login: Login) throws(UsersError) -> (User?, Int64) {
        var account: Account?
        var counter: Int64 = 0
        if let name = try? Name(login.username) {
            (account, counter) = try users.credentials(of: name)
        }
        guard try isRight(login.password, for: account), let account, !account.user.disabled else {
            return (nil, counter)
        }
        return (account.user, counter)
    }

    /// Takes the same time for each account, and for none.
    private func isRight(_ password: Secret, for account: Account?) throws(UsersError) -> Bool {
        do throws(CryptoError) {
            return try verify(password, against: account?.passwordHash ?? dummyHash)
        } catch .malformedPasswordHash(let reason) {
            logger.error(
                "password hash not readable; set the password anew",
                metadata: ["user": "\(account?.user.name.text ?? "")", "reason": "\(reason)"])
            _ = try? verify(password, against: dummyHash)
            return false
        } catch {
            throw .hashing(reason: "\(error)")
        }
    }

    private func verify(_ password: Secret, against hash: String) throws(CryptoError) -> Bool {
        try unsafe password.withBytes { bytes throws(CryptoError) in
            try unsafe PasswordHash.verify(bytes, against: hash)
        }
    }

    private static func seconds(_ duration: Duration) -> UInt32 {
        let (seconds, attoseconds) = duration.components
        return UInt32(clamping: attoseconds > 0 ? seconds + 1 : seconds)
    }

    private static func utcMicroseconds() -> Int64 {
        var now = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &now)
        return Int64(now.tv_sec) * 1_000_000 + Int64(now.tv_nsec) / 1_000
    }
}
