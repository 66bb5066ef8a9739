import SecamTLS
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
        audit = try AuditLog(path: scratch.file("audit.log"), logger: quiet)
        try store.add(Name("anna"), password: "correct horse", role: .admin)
    }

    private func login(
        _ authenticator: Authenticator, _ username: String, _ password: String, from network: String = "a"
    ) async -> LoginOutcome {
        await withCheckedContinuation { continuation in
            authenticator.authenticate(
                username: username, password: password, peer: network + ":1", network: network
            ) { continuation.resume(returning: $0) }
        }
    }

    /// One for which no time passes, however slow the machine is.
    private func standing() throws -> Authenticator {
        let now = ContinuousClock.now
        return try Authenticator(users: store, audit: audit, clock: { now }, logger: quiet)
    }

    @Test func `the right password is accepted and written to the audit log`() async throws {
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

    @Test(arguments: ["anna", "nobody", "disabled", "not/a name", "", "\u{0}"])
    func `a wrong password, an unknown and a disabled user get one answer`(username: String) async throws {
        try store.add(Name("disabled"), password: "correct", role: .viewer)
        try store.setDisabled(true, of: Name("disabled"))
        let authenticator = try standing()
        for wait: UInt32 in [0, 0, 1] {
            #expect(await login(authenticator, username, "correct") == .denied(.credentials, wait: wait))
        }
        #expect(await login(authenticator, username, "correct") == .denied(.locked, wait: 1))
        audit.flush()
        let events = scratch.lines("audit.log").map { $0.contains(#""event":"refusal""#) ? "refusal" : "lockout" }
        #expect(events == ["refusal", "refusal", "refusal", "lockout", "refusal"])
    }

    @Test func `a locked user is refused with the right password too`() async throws {
        let authenticator = try standing()
        for _ in 0..<3 { _ = await login(authenticator, "anna", "wrong") }
        #expect(await login(authenticator, "anna", "correct horse") == .denied(.locked, wait: 1))
        guard case .accepted = await login(authenticator, "anna", "correct horse", from: "b") else {
            Issue.record("locked out elsewhere")
            return
        }
    }

    @Test func `logins beyond the queue are denied as busy and leave no trace in the guard`() async throws {
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

    @Test func `right logins at the same moment do not lock each other out`() async throws {
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

    @Test func `the pool never runs more than its width, nor takes more than its depth`() {
        let pool = VerificationPool(width: 2, depth: 3)
        let gate = Gate()
        let running = Atomic<Int>(0)
        let most = Atomic<Int>(0)
        let taken = (0..<10).filter { _ in
            pool.submit {
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

    @Test func `a stored hash that cannot be read denies like a wrong password`() async throws {
        try damageHash()
        let authenticator = try Authenticator(users: store, audit: audit, logger: quiet)
        #expect(await login(authenticator, "anna", "correct horse") == .denied(.credentials, wait: 0))
    }
}
