import Logging
import SecamBase
import SecamCrypto
import SecamUsers
import SecamWeb
import SecamWire
import Synchronization

/// What all HTTP connections of a server share.
final class WebEnvironment: Sendable {
    let accounts: UserStore
    let sessions: SessionStore
    let limits: WebLimits
    let trustedProxies: Set<String>
    let passwords = PasswordCache()
    private let loops = Mutex<[EventLoopMailbox]>([])

    init(accounts: UserStore, sessions: SessionStore, limits: WebLimits, trustedProxies: Set<String>) {
        self.accounts = accounts
        self.sessions = sessions
        self.trustedProxies = trustedProxies
        self.limits = limits
    }

    func open(_ loops: [EventLoopMailbox]) { self.loops.withLock { $0 = loops } }

    /// Makes a session for the device token of a viewer that keeps one, so that it need not ask for the password again.
    /// Blocks on the disk after an accepted login.
    ///
    /// - Parameter client: the viewer's own description.
    func keepLogin(_ outcome: LoginOutcome, _ login: Login, address: String, client: String, _ logger: Logger) {
        // A valid token stays the viewer's token.
        guard case .accepted(let user, let counter, let fresh) = outcome, login.remember,
            case let token = fresh ?? login.token, token != DeviceToken.none
        else { return }
        do throws(UsersError) {
            _ = try sessions.create(for: user, asOf: counter, token: token, address: address, client: client)
        } catch {
            logger.error("session not stored", metadata: ["reason": "\(error)"])
        }
    }

    /// Closes the connections of a session that is over.
    func closeConnections(ofSession id: String) {
        for loop in loops.withLock({ $0 }) { loop.withViewers { $0.endSession(id) } }
    }

    /// Returns an earlier access as it is now; `nil` when it is over.
    func current(_ access: WebAccess) -> WebAccess? {
        switch access.proof {
        case .session(let session): sessions.use(id: session.id).map(WebAccess.init)
        case .token(let token): sessions.use(token).map(WebAccess.init)
        case .password:
            sessions.account(access.user.name).flatMap { account in
                account.user.credentialRevision == access.user.credentialRevision
                    ? WebAccess(user: account.user, asOf: account.asOf, proof: .password) : nil
            }
        }
    }
}

extension WebAccess {
    init(_ access: SessionStore.TokenAccess) {
        self.init(user: access.user, asOf: access.asOf, proof: .token(access.token))
    }

    init(_ access: SessionStore.Access) {
        self.init(user: access.user, asOf: access.asOf, proof: .session(access.session))
    }
}

/// Passwords that were right a short time ago. Tools send theirs with each request, and a check takes a tenth of a second.
///
/// It holds keyed hashes, in memory only.
final class PasswordCache: Sendable {
    private struct Entry {
        let user: Name
        /// The user's revision when the password was right.
        let revision: Int64
        let until: MonotonicTime
    }

    private struct State {
        var entries: [[UInt8]: Entry] = [:]
        var key: [UInt8] = []
    }

    /// How long a password counts as right.
    static let lifetime = Duration.seconds(300)
    static let capacity = 256

    private let state = Mutex(State())

    /// Returns the user whose password this was, if the account has not changed since.
    func user(_ user: String, _ password: String, _ sessions: SessionStore, at now: MonotonicTime = .now) -> WebAccess?
    {
        let entry = state.withLock { state -> Entry? in
            guard let hash = Self.hash(user, password, &state), let entry = state.entries[hash], now < entry.until
            else {
                return nil
            }
            return entry
        }
        guard let entry, let account = sessions.account(entry.user), account.user.credentialRevision == entry.revision
        else { return nil }
        return WebAccess(user: account.user, asOf: account.asOf, proof: .password)
    }

    func insert(_ user: User, _ password: String, at now: MonotonicTime = .now) {
        state.withLock { state in
            guard let hash = Self.hash(user.name.text, password, &state) else { return }
            if state.entries.count >= Self.capacity { state.entries = state.entries.filter { now < $0.value.until } }
            if state.entries.count >= Self.capacity { state.entries = [:] }
            state.entries[hash] = Entry(
                user: user.name, revision: user.credentialRevision, until: now + Self.lifetime)
        }
    }

    private static func hash(_ user: String, _ password: String, _ state: inout State) -> [UInt8]? {
        if state.key.isEmpty { state.key = (try? SecureRandom.bytes(32)) ?? [] }
        guard !state.key.isEmpty else { return nil }
        return try? HMACSHA256.code(for: Array("\(user)\0\(password)".utf8), key: state.key)
    }
}
