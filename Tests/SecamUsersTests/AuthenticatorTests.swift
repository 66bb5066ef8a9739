import GRDB
import SecamBase
import SecamProcess
import SecamTestSupport
import SecamWire
import Synchronization
import Testing

@testable import SecamUsers

struct AuthenticatorTests {
    private let scratch: ScratchFolder
    let store: UserStore
    private let audit: AuditLog

    init() throws {
        scratch = try ScratchFolder()
        store = try UserStore(path: scratch.file("users.sqlite"))
        audit = try AuditLog(in: scratch)
        try store.add(Name("anna"), password: "correct horse", role: .admin)
    }

    private func login(
        _ authenticator: Authenticator, _ username: String, _ password: String, from network: String = "a",
        remember: Bool = false, token: [UInt8] = []
    ) async -> LoginOutcome {
        await withCheckedContinuation { continuation in
            authenticator.authenticate(
                Login(username: username, password: password, remember: remember, token: token),
                from: LoginPeer(address: network + ":1", network: network)
            ) { continuation.resume(returning: $0) }
        }
    }

    /// Logs in, which must succeed.
    ///
    /// - Returns: the new device token, if any.
    private func accepted(
        _ authenticator: Authenticator, _ username: String = "anna", from network: String = "a",
        remember: Bool = false, token: [UInt8] = []
    ) async throws -> [UInt8]? {
        let outcome = await login(
            authenticator, username, "correct horse", from: network, remember: remember, token: token)
        guard case .accepted(_, _, let token) = outcome else { throw Denial(outcome: outcome) }
        return token
    }

    private struct Denial: Error {
        let outcome: LoginOutcome
    }

    /// Returns an authenticator whose clock stands still, so that no lock expires on a slow machine.
    private func standing() throws -> Authenticator {
        let now = ContinuousClock.now
        return try Authenticator(users: store, audit: audit, clock: { now }, logger: quiet)
    }

    @Test func `a correct password is accepted and written to the audit log`() async throws {
        let authenticator = try Authenticator(users: store, audit: audit, logger: quiet)
        let outcome = await login(authenticator, "anna", "correct horse")
        let anna = try #require(try store.user(Name("anna")))
        #expect(outcome == .accepted(anna, asOf: try store.changeCounter()))
        audit.flush()
        #expect(scratch.lines("audit.log").count == 1)
        #expect(
            scratch.lines("audit.log")[0].hasSuffix(
                #""event":"login","user":"anna","address":"a:1","reason":"admin"}"#))
    }

    @Test func `a password is the same however its accents are composed`() async throws {
        let (composed, decomposed) = ("caf\u{e9} gr\u{fc}n", "cafe\u{301} gru\u{308}n")
        try store.add(Name("bert"), password: decomposed, role: .viewer)
        let authenticator = try Authenticator(users: store, audit: audit, logger: quiet)
        for password in [composed, decomposed] {
            guard case .accepted = await login(authenticator, "bert", password) else {
                Issue.record("refused")
                continue
            }
        }
        guard case .accepted = await login(authenticator, "bert", "cafe grun") else { return }
        Issue.record("accents were ignored")
    }

    @Test(arguments: ["anna", "nobody", "disabled", "not/a name", "", "\u{0}"])
    func `wrong passwords, unknown users and disabled users get the same answer`(username: String) async throws {
        try store.add(Name("disabled"), password: "correct", role: .viewer)
        try store.setDisabled(true, of: Name("disabled"))
        let authenticator = try standing()
        for wait: UInt32 in [0, 0, 1] {
            #expect(await login(authenticator, username, "correct") == .denied(.credentials, wait: wait))
        }
        #expect(await login(authenticator, username, "correct") == .denied(.locked, wait: 1))
        audit.flush()
        let events = scratch.lines("audit-refusals.log").map {
            $0.contains(#""event":"refusal""#) ? "refusal" : "lockout"
        }
        #expect(events == ["refusal", "refusal", "refusal", "lockout", "refusal"])
    }

    @Test func `a locked user is denied even with the correct password`() async throws {
        let authenticator = try standing()
        for _ in 0..<3 { _ = await login(authenticator, "anna", "wrong") }
        #expect(await login(authenticator, "anna", "correct horse") == .denied(.locked, wait: 1))
        guard case .accepted = await login(authenticator, "anna", "correct horse", from: "b") else {
            Issue.record("locked out elsewhere")
            return
        }
    }

    @Test func `logins beyond the queue are denied as busy and do not count as failures`() async throws {
        let authenticator = try Authenticator(users: store, audit: audit, width: 1, depth: 1, logger: quiet)
        let outcomes = await withTaskGroup(of: LoginOutcome.self) { group in
            for index in 0..<20 {
                group.addTask { await self.login(authenticator, "anna", "correct horse", from: "net \(index)") }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        let busy = outcomes.filter { $0 == .denied(.busy, wait: 2) }.count
        let accepted = outcomes.filter { if case .accepted = $0 { true } else { false } }.count
        #expect(accepted >= 2)
        #expect(busy + accepted == 20)
    }

    @Test func `concurrent correct logins do not lock each other out`() async throws {
        let authenticator = try Authenticator(users: store, audit: audit, width: 3, logger: quiet)
        let outcomes = await withTaskGroup(of: LoginOutcome.self) { group in
            for _ in 0..<12 { group.addTask { await self.login(authenticator, "anna", "correct horse") } }
            return await group.reduce(into: []) { $0.append($1) }
        }
        for outcome in outcomes {
            guard case .accepted = outcome else {
                Issue.record("\(outcome)")
                continue
            }
        }
    }

    @Test func `the pool runs no more than its width and queues no more than its depth`() {
        let pool = VerificationPool(width: 2, depth: 12)
        let gate = Gate()
        let running = Atomic<Int>(0)
        let most = Atomic<Int>(0)
        let taken = (0..<10).filter { _ in
            pool.submit(key: "a", lane: .ordinary) {
                let now = running.add(1, ordering: .sequentiallyConsistent).newValue
                most.max(now, ordering: .sequentiallyConsistent)
                gate.wait()
                running.subtract(1, ordering: .sequentiallyConsistent)
                gate.finished()
            }
        }
        gate.open()
        gate.waitForFinished(taken.count)
        #expect(taken.count == 5)
        #expect(most.load(ordering: .sequentiallyConsistent) <= 2)
    }

    @Test func `an invalid stored hash denies like a wrong password`() async throws {
        try damageHash()
        let authenticator = try Authenticator(users: store, audit: audit, logger: quiet)
        #expect(await login(authenticator, "anna", "correct horse") == .denied(.credentials, wait: 0))
    }

    @Test func `a device token admits its user while others guess`()
        async throws
    {
        let authenticator = try standing()
        let token = try #require(try await accepted(authenticator, remember: true))
        for index in 0..<60 { _ = await login(authenticator, "anna", "wrong", from: "bot \(index)") }
        for _ in 0..<5 { _ = await login(authenticator, "anna", "wrong") }
        #expect(await login(authenticator, "anna", "correct horse", from: "new") == .denied(.locked, wait: 10))
        #expect(await login(authenticator, "anna", "correct horse") == .denied(.locked, wait: 1))
        #expect(try await accepted(authenticator, remember: true, token: token) == nil)
        #expect(try await accepted(authenticator, from: "new", remember: true, token: token) == nil)
    }

    @Test func `a device token does not replace the password, and locks only itself`() async throws {
        let authenticator = try standing()
        let token = try #require(try await accepted(authenticator, from: "home", remember: true))
        for wait: UInt32 in [0, 0, 0, 0, 0, 1] {
            let outcome = await login(authenticator, "anna", "wrong", from: "cafe", token: token)
            #expect(outcome == .denied(.credentials, wait: wait))
        }
        let locked = await login(authenticator, "anna", "correct horse", from: "cafe", token: token)
        #expect(locked == .denied(.locked, wait: 1))
        _ = try await accepted(authenticator, from: "home")
        _ = try await accepted(authenticator, from: "elsewhere")
    }

    @Test func `a device token counts for its user alone`() async throws {
        try store.add(Name("mallory"), password: "correct horse", role: .viewer)
        let authenticator = try standing()
        let token = try #require(try await accepted(authenticator, "mallory", from: "m", remember: true))
        for _ in 0..<3 { _ = await login(authenticator, "anna", "wrong", from: "m", token: token) }
        let outcome = await login(authenticator, "anna", "correct horse", from: "m", token: token)
        #expect(outcome == .denied(.locked, wait: 1))
    }

    @Test func `networks and devices outlive the gateway, and devices are stored as hashes`() async throws {
        let token = try #require(try await accepted(try standing(), from: "home", remember: true))
        let next = try standing()
        #expect(next.knows(network: "home"))
        #expect(!next.knows(network: "elsewhere"))
        for index in 0..<60 { _ = await login(next, "anna", "wrong", from: "bot \(index)") }
        _ = try await accepted(next, from: "home")
        #expect(try await accepted(next, from: "new", remember: true, token: token) == nil)
        let text = token.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        #expect(try storedDevices().count == 1)
        #expect(try !storedDevices().contains(text))
    }

    @Test(arguments: ["password", "removed"])
    func `device tokens end with the password and with the account`(change: String) async throws {
        try store.add(Name("bert"), password: "correct horse", role: .viewer)
        let authenticator = try standing()
        let token = try #require(try await accepted(authenticator, "bert", remember: true))
        if change == "password" {
            try store.setPassword("correct horse", of: Name("bert"))
        } else {
            try store.remove(Name("bert"))
            try store.add(Name("bert"), password: "correct horse", role: .viewer)
        }
        try authenticator.reloadEarlierLogins()
        #expect(try storedDevices().isEmpty)
        let fresh = try await accepted(authenticator, "bert", remember: true, token: token)
        #expect(fresh != nil && fresh != token)
    }

    @Test func `a viewer that asks for no token gets none`() async throws {
        #expect(try await accepted(try standing()) == nil)
        #expect(try storedDevices().isEmpty)
    }

    @Test func `the latest devices and networks of a user are kept`() async throws {
        let anna = try #require(try store.user(Name("anna")))
        for index in 0..<100 {
            let isWritten = try store.recordLogin(
                of: anna, network: "\(index)", device: "device \(index)", at: Int64(index))
            #expect(isWritten)
        }
        let earlier = try store.earlierLogins()
        #expect(Set(earlier.devices["anna", default: [:]].values.map(\.time)) == Set(84..<100))
        #expect(Set(earlier.networks["anna", default: [:]].values.map(\.time)) == Set(68..<100))
    }

    @Test func `a clock that was set back does not displace new devices and networks`() throws {
        let anna = try #require(try store.user(Name("anna")))
        for index in 0..<40 {
            _ = try store.recordLogin(
                of: anna, network: "\(index)", device: "device \(index)", at: Int64(1_000_000 - index))
        }
        var earlier = try store.earlierLogins()
        #expect(Set(earlier.devices["anna", default: [:]].keys) == Set((24..<40).map { "device \($0)" }))
        #expect(Set(earlier.networks["anna", default: [:]].keys) == Set((8..<40).map { "\($0)" }))
        earlier.insert("anna", network: "new", lastLogin: 0)
        earlier.insert("anna", device: "new", lastLogin: 0)
        #expect(earlier.knows("anna", network: "new") && !earlier.knows("anna", network: "8"))
        #expect(earlier.knows("anna", device: "new") && !earlier.knows("anna", device: "device 24"))
    }

    @Test func `earlier logins keep their order in the migration`() throws {
        let queue = try DatabaseQueue()
        try UserSchema.migrator.migrate(queue, upTo: "2 earlier logins")
        try queue.write { db in
            try db.execute(
                sql: """
                    INSERT INTO user VALUES ('anna', '', 0, 1, 0, 0), ('bert', '', 0, 1, 0, 0);
                    INSERT INTO device VALUES ('anna', 'a', 30), ('anna', 'b', 10), ('anna', 'c', 10), ('bert', 'd', 20);
                    """)
        }
        try UserSchema.migrator.migrate(queue)
        let rows = try queue.read { db in
            try String.fetchAll(db, sql: "SELECT tokenHash || sequence FROM device ORDER BY user, sequence")
        }
        #expect(rows == ["b1", "c2", "a3", "d1"])
    }

    @Test func `strangers cannot fill the queue of known users`() throws {
        let pool = VerificationPool(width: 1, depth: 8)
        let gate = Gate()
        let order = Mutex<[String]>([])
        func submit(_ name: String, key: String, lane: FairQueue<String, VerificationPool.Work>.Lane) -> Bool {
            pool.submit(key: key, lane: lane) {
                gate.wait()
                order.withLock { $0.append(name) }
                gate.finished()
            }
        }
        #expect(submit("first", key: "a", lane: .ordinary))
        var strangers = 0
        for index in 0..<100 where submit("stranger", key: "\(index)", lane: .ordinary) { strangers += 1 }
        #expect(strangers == 8)
        #expect(submit("anna", key: "anna", lane: .preferred))
        gate.open()
        gate.waitForFinished(10)
        #expect(order.withLock { $0.prefix(2) } == ["first", "anna"])
    }
}
