import Dispatch
package import Logging
import SecamBase
import SecamCrypto
package import SecamWire
import Synchronization

/// The sessions and tokens of all users. They are looked up in memory, and stored with the accounts.
///
/// Lookups do not block. Everything that says so blocks on the disk.
package final class SessionStore: Sendable {
    /// A session in force, with its user.
    package struct Access: Sendable, Hashable {
        package let session: UserSession
        package let user: User
        /// The change counter of the accounts when the user was read.
        package let asOf: Int64
    }

    private struct State {
        var users: [Name: User] = [:]
        var counter: Int64 = 0
        /// By token hash.
        var sessions: [String: UserSession] = [:]
        /// Token hashes by session id.
        var hashes: [String: String] = [:]
        /// Tokens of tools, by hash.
        var tokens: [String: AccessToken] = [:]
        var secondFactors: [Name: SecondFactorStatus] = [:]
        /// Sessions that were ended here and may still be in the file.
        var ended: Set<String> = []
        /// When the last use of each session and token was written, UTC microseconds, by id.
        var written: [String: Int64] = [:]
    }

    /// Minimum time between two writes of one session's last use.
    static let writeInterval = Duration.seconds(5 * 60)

    private let store: UserStore
    private let logger: Logger
    private let state = Mutex(State())
    /// Held while sessions are read or written, so that a reload does not lose a session that is being written.
    private let storage = Mutex(())
    private let writer = DispatchQueue(label: "sessions")

    /// - Throws: `database` when the sessions cannot be read.
    package init(users: UserStore, logger: Logger) throws(UsersError) {
        store = users
        self.logger = logger
        try reload()
    }

    /// Reads users and sessions after a change of the accounts. Blocks.
    package func reload() throws(UsersError) {
        try storage.withLock { _ throws(UsersError) in
            let snapshot = try store.sessionSnapshot()
            state.withLock { state in
                let former = state.sessions
                state.users = Dictionary(snapshot.users.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
                state.counter = snapshot.counter
                state.secondFactors = snapshot.secondFactors
                let formerTokens = state.tokens
                state.tokens = [:]
                for var token in snapshot.tokens {
                    let used = [token.lastUsed, formerTokens[token.tokenHash]?.lastUsed].compactMap { $0 }.max()
                    token.lastUsed = used
                    state.tokens[token.tokenHash] = token
                }
                state.sessions = [:]
                state.hashes = [:]
                for var session in snapshot.sessions where !state.ended.contains(session.id) {
                    session.lastUsed = max(session.lastUsed, former[session.tokenHash]?.lastUsed ?? session.lastUsed)
                    state.sessions[session.tokenHash] = session
                    state.hashes[session.id] = session.tokenHash
                }
                let ids = Set(state.hashes.keys).union(snapshot.tokens.map(\.id))
                state.written = state.written.filter { ids.contains($0.key) }
            }
        }
    }

    /// Creates a session after a login. Blocks.
    ///
    /// - Parameters:
    ///   - counter: the change counter of the accounts when the user was read.
    ///   - known: a random token that the client has; its former session ends. `nil` for a new token.
    /// - Returns: the token for the client; `nil` when the user's credentials have changed since.
    package func create(
        for user: User, asOf counter: Int64, token known: [UInt8]? = nil, address: String, client: String,
        at time: Int64 = WallClock.now
    ) throws(UsersError) -> (token: [UInt8], access: Access)? {
        let token: [UInt8]
        let session: UserSession
        do {
            token = try known ?? SecureRandom.bytes(UserSession.tokenBytes)
            session = UserSession(
                id: Hexadecimal.encode(try SecureRandom.bytes(8)), user: user.name,
                tokenHash: try RandomToken.hash(token), credentialRevision: user.credentialRevision, created: time,
                lastUsed: time, address: address, client: Self.shortened(client))
        } catch {
            throw .hashing(reason: "\(error)")
        }
        let isWritten = try storage.withLock { _ throws(UsersError) in
            let excess = state.withLock { state in
                let former = state.sessions[session.tokenHash]
                let others = state.sessions.values.filter { $0.user == user.name && $0.id != former?.id }
                let excess = others.sorted { $0.lastUsed > $1.lastUsed }.dropFirst(UserSession.perUser - 1)
                return ([former].compactMap { $0 } + excess).map(\.id)
            }
            guard try store.insert(session, removing: excess) else { return false }
            state.withLock { state in
                for id in excess { Self.remove(id, &state) }
                if state.counter <= counter { state.users[user.name] = user }
                state.sessions[session.tokenHash] = session
                state.hashes[session.id] = session.tokenHash
                state.written[session.id] = time
            }
            return true
        }
        return isWritten ? (token, Access(session: session, user: user, asOf: counter)) : nil
    }

    /// Returns an account that may log in, and the change counter when it was read.
    package func account(_ name: Name) -> (user: User, asOf: Int64)? {
        state.withLock { state in
            state.users[name].flatMap { $0.disabled ? nil : ($0, state.counter) }
        }
    }

    /// Returns the session of a token and records its use; `nil` for an unknown token and a session that is over.
    package func use(token: [UInt8], at time: Int64 = WallClock.now) -> Access? {
        guard token.count == UserSession.tokenBytes, let hash = try? RandomToken.hash(token) else { return nil }
        return use(hash: hash, at: time)
    }

    /// Records the use of a session by an open connection.
    ///
    /// - Returns: `nil` when the session is over.
    package func use(id: String, at time: Int64 = WallClock.now) -> Access? {
        guard let hash = state.withLock({ $0.hashes[id] }) else { return nil }
        return use(hash: hash, at: time)
    }

    private func use(hash: String, at time: Int64) -> Access? {
        let (access, isWriteDue) = state.withLock { state -> (Access?, Bool) in
            guard var session = state.sessions[hash], let user = state.users[session.user], !user.disabled,
                user.credentialRevision == session.credentialRevision, !session.isOver(at: time)
            else { return (nil, false) }
            session.lastUsed = time
            state.sessions[hash] = session
            let isDue = Self.isWriteDue(session.id, at: time, &state)
            return (Access(session: session, user: user, asOf: state.counter), isDue)
        }
        if isWriteDue, let id = access?.session.id {
            writer.async {
                self.write("a session's use") { () throws(UsersError) in try self.store.setUse(of: id, at: time) }
            }
        }
        return access
    }

    /// Returns whether the last use of a session or token should be written, and records that it is.
    private static func isWriteDue(_ id: String, at time: Int64, _ state: inout State) -> Bool {
        if let last = state.written[id], last <= time,
            time.subtractingReportingOverflow(last).partialValue <= Self.writeInterval.microseconds
        {
            return false
        }
        state.written[id] = time
        return true
    }

    /// A token in force.
    package struct TokenAccess: Sendable, Hashable {
        package let token: AccessToken
        /// The user, with the rights that the token leaves.
        package let user: User
        /// The change counter of the accounts when the user was read.
        package let asOf: Int64
    }

    /// Returns a tool's token and records its use; `nil` for an unknown token and one that is over.
    package func use(accessToken text: String, at time: Int64 = WallClock.now) -> TokenAccess? {
        guard text.hasPrefix(AccessToken.prefix), let hash = try? RandomToken.hash(Array(text.utf8)) else { return nil }
        return use(tokenHash: hash, at: time)
    }

    /// Returns a token as it is now; `nil` when it is over.
    package func use(_ token: AccessToken, at time: Int64 = WallClock.now) -> TokenAccess? {
        use(tokenHash: token.tokenHash, at: time)
    }

    private func use(tokenHash hash: String, at time: Int64) -> TokenAccess? {
        let (access, isWriteDue) = state.withLock { state -> (TokenAccess?, Bool) in
            guard var token = state.tokens[hash], let user = state.users[token.user], !user.disabled,
                !token.isOver(at: time)
            else { return (nil, false) }
            token.lastUsed = time
            state.tokens[hash] = token
            let isDue = Self.isWriteDue(token.id, at: time, &state)
            return (TokenAccess(token: token, user: token.restrict(user), asOf: state.counter), isDue)
        }
        if isWriteDue, let id = access?.token.id {
            writer.async {
                self.write("a token's use") { () throws(UsersError) in try self.store.setTokenUse(of: id, at: time) }
            }
        }
        return access
    }

    /// Returns a user's tokens in force, the newest first.
    package func tokens(of user: Name, at time: Int64 = WallClock.now) -> [AccessToken] {
        state.withLock { state in
            state.tokens.values.filter { $0.user == user && !$0.isOver(at: time) }
                .sorted { ($0.created, $0.id) > ($1.created, $1.id) }
        }
    }

    /// Returns whether a user has a second factor, or needs one.
    package func secondFactor(of user: Name) -> SecondFactorStatus {
        state.withLock { $0.secondFactors[user] } ?? SecondFactorStatus(isSet: false, isRequired: false)
    }

    /// Returns a user's sessions in force, the last used first.
    package func sessions(of user: Name, at time: Int64 = WallClock.now) -> [UserSession] {
        state.withLock { state in
            guard let account = state.users[user], !account.disabled else { return [] }
            return state.sessions.values.filter {
                $0.user == user && $0.credentialRevision == account.credentialRevision && !$0.isOver(at: time)
            }.sorted { ($0.lastUsed, $0.id) > ($1.lastUsed, $1.id) }
        }
    }

    /// Ends a session of a user at once, and removes it from the file soon.
    ///
    /// - Returns: whether the user had this session.
    package func end(_ id: String, of user: Name) -> Bool {
        let isKnown = state.withLock { state in
            guard let hash = state.hashes[id], state.sessions[hash]?.user == user else { return false }
            Self.remove(id, &state)
            state.ended.insert(id)
            return true
        }
        guard isKnown else { return false }
        writer.async {
            self.storage.withLock { _ in
                let isRemoved = self.write("the end of a session") { () throws(UsersError) in
                    try self.store.removeSession(id)
                }
                // While the file still holds it, a reload must not bring it back.
                if isRemoved { self.state.withLock { _ = $0.ended.remove(id) } }
            }
        }
        return true
    }

    /// Waits until all changes are in the file. Blocks.
    package func flush() { writer.sync {} }

    @discardableResult
    private func write(_ change: String, _ body: () throws(UsersError) -> Void) -> Bool {
        do throws(UsersError) {
            try body()
            return true
        } catch {
            logger.error("account data not stored", metadata: ["change": "\(change)", "reason": "\(error)"])
            return false
        }
    }

    private static func remove(_ id: String, _ state: inout State) {
        if let hash = state.hashes.removeValue(forKey: id) { state.sessions[hash] = nil }
        state.written[id] = nil
    }

    /// Returns the beginning of a text, with whole characters.
    private static func shortened(_ text: String) -> String {
        var short = ""
        for character in text {
            guard short.utf8.count + character.utf8.count <= UserSession.clientBytes else { break }
            short.append(character)
        }
        return short
    }
}
