import Testing

@testable import SecamUsers

struct LoginGuardTests {
    private let start = ContinuousClock.now

    /// One wrong try; nil when it was refused.
    private func fail(
        _ guarded: inout LoginGuard, _ user: String, _ address: String, at now: LoginGuard.Instant
    ) -> Duration? {
        guard case .proceed(let attempt) = guarded.begin(user: user, address: address, at: now) else { return nil }
        return guarded.failed(attempt, at: now)
    }

    private func isOpen(
        _ guarded: LoginGuard, _ user: String, _ address: String, at now: LoginGuard.Instant
    ) -> Bool {
        var copy = guarded
        if case .proceed = copy.begin(user: user, address: address, at: now) { return true }
        return false
    }

    @Test func `from the third wrong try on the wait doubles up to a quarter of an hour`() {
        var guarded = LoginGuard()
        var now = start
        var waits: [Duration] = []
        for _ in 0..<14 {
            let wait = fail(&guarded, "anna", "a", at: now) ?? .seconds(-1)
            waits.append(wait)
            now = now.advanced(by: wait)
        }
        let expected = [0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]
        #expect(waits == expected.map { .seconds($0) })
    }

    @Test func `a locked try is refused until the time is over, and does not count`() {
        var guarded = LoginGuard()
        for _ in 0..<3 { _ = fail(&guarded, "anna", "a", at: start) }
        for _ in 0..<100 { #expect(fail(&guarded, "anna", "a", at: start) == nil) }
        #expect(!isOpen(guarded, "anna", "a", at: start.advanced(by: .milliseconds(999))))
        #expect(isOpen(guarded, "anna", "a", at: start.advanced(by: .seconds(1))))
    }

    @Test func `tries at the same moment are counted before any of them is known to be wrong`() {
        var guarded = LoginGuard()
        var admitted = 0
        for _ in 0..<100 {
            if case .proceed = guarded.begin(user: "anna", address: "a", at: start) { admitted += 1 }
        }
        #expect(admitted == 3)
    }

    @Test func `a success resets the pair`() throws {
        var guarded = LoginGuard()
        for _ in 0..<2 { _ = fail(&guarded, "anna", "a", at: start) }
        guard case .proceed(let attempt) = guarded.begin(user: "anna", address: "a", at: start) else {
            Issue.record("refused")
            return
        }
        guarded.succeeded(attempt, at: start)
        #expect(fail(&guarded, "anna", "a", at: start) == .zero)
    }

    @Test func `one address cannot try one password on many users, even with an account of its own`() throws {
        var guarded = LoginGuard()
        var now = start
        var tries = 0
        for index in 0..<1000 {
            if fail(&guarded, "user \(index)", "a", at: now) != nil { tries += 1 }
            if case .proceed(let own) = guarded.begin(user: "mallory", address: "a", at: now) {
                guarded.succeeded(own, at: now)
            }
            now = now.advanced(by: .milliseconds(1))
        }
        #expect(tries <= 11)
    }

    @Test func `guessing from elsewhere never locks the user out of the accustomed address`() throws {
        var guarded = LoginGuard()
        guard case .proceed(let home) = guarded.begin(user: "anna", address: "home", at: start) else {
            Issue.record("refused")
            return
        }
        guarded.succeeded(home, at: start)
        for index in 0..<100 { _ = fail(&guarded, "anna", "bot \(index)", at: start) }
        #expect(isOpen(guarded, "anna", "home", at: start))
        #expect(!isOpen(guarded, "anna", "new place", at: start))
        #expect(isOpen(guarded, "anna", "new place", at: start.advanced(by: .seconds(30))))
    }

    @Test func `a try that was never checked costs nothing`() {
        var guarded = LoginGuard()
        for _ in 0..<50 {
            guard case .proceed(let attempt) = guarded.begin(user: "anna", address: "a", at: start) else {
                Issue.record("refused")
                return
            }
            guarded.withdrawn(attempt)
        }
        #expect(guarded.entryCount == 0)
    }

    @Test func `a flood of names and addresses neither grows the tables nor unlocks an attacker`() {
        var guarded = LoginGuard(capacity: 1000)
        var now = start
        for _ in 0..<12 {
            now = now.advanced(by: fail(&guarded, "anna", "attacker", at: now) ?? .zero)
        }
        _ = fail(&guarded, "anna", "attacker", at: now)
        for index in 0..<100_000 { _ = fail(&guarded, "name \(index)", "address \(index)", at: now) }
        #expect(guarded.entryCount <= 4000)
        #expect(!isOpen(guarded, "anna", "attacker", at: now.advanced(by: .seconds(899))))
        #expect(isOpen(guarded, "bert", "home", at: now))
    }

    @Test func `when a table is full of locks, newcomers share one entry instead of going uncounted`() {
        var table = FailureTable<Int>(policy: .pair, capacity: 10)
        for key in 0..<10 { for _ in 0..<3 { table.charge(key, at: start) } }
        for key in 100..<103 { table.charge(key, at: start) }
        #expect(table.count == 10)
        #expect(table.wait(500, at: start) == .seconds(1))
        #expect(table.wait(0, at: start) == .seconds(1))
    }
}
