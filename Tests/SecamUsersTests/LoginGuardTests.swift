import Testing

@testable import SecamUsers

struct LoginGuardTests {
    private let start = ContinuousClock.now

    /// One wrong try; nil when it was refused.
    private func fail(
        _ guarded: inout LoginGuard, _ user: String, _ address: String, at now: LoginGuard.Instant
    ) -> Duration? {
        fail(&guarded, .init(user: user, network: address), at: now)
    }

    private func fail(
        _ guarded: inout LoginGuard, _ origin: LoginGuard.Origin, at now: LoginGuard.Instant
    ) -> Duration? {
        guard case .proceed(let attempt) = guarded.begin(origin, at: now) else { return nil }
        return guarded.failed(attempt, at: now)
    }

    private func isOpen(
        _ guarded: LoginGuard, _ user: String, _ address: String, at now: LoginGuard.Instant
    ) -> Bool {
        var copy = guarded
        if case .proceed = copy.begin(.init(user: user, network: address), at: now) { return true }
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
            if case .proceed = guarded.begin(.init(user: "anna", network: "a"), at: start) { admitted += 1 }
        }
        #expect(admitted == 3)
    }

    @Test func `a success resets the pair`() throws {
        var guarded = LoginGuard()
        for _ in 0..<2 { _ = fail(&guarded, "anna", "a", at: start) }
        guard case .proceed(let attempt) = guarded.begin(.init(user: "anna", network: "a"), at: start) else {
            Issue.record("refused")
            return
        }
        guarded.succeeded(attempt, at: start)
        #expect(fail(&guarded, "anna", "a", at: start) == .zero)
    }

    @Test func `one network cannot try one password on many users, even with an account of its own`() throws {
        var guarded = LoginGuard()
        var now = start
        var tries = 0
        for index in 0..<1000 {
            if fail(&guarded, "user \(index)", "a", at: now) != nil { tries += 1 }
            if case .proceed(let own) = guarded.begin(.init(user: "mallory", network: "a"), at: now) {
                guarded.succeeded(own, at: now)
            }
            now = now.advanced(by: .milliseconds(1))
        }
        #expect(tries == 20)
        #expect(fail(&guarded, "another", "a", at: start.advanced(by: .seconds(61))) != nil, "a try a minute")
        #expect(fail(&guarded, "another one", "a", at: start.advanced(by: .seconds(61))) == nil)
    }

    @Test func `guessing from elsewhere never locks the user out of the accustomed network`() throws {
        var guarded = LoginGuard()
        guarded.earlier.insert("anna", network: "home", lastLogin: 0)
        for index in 0..<1000 { _ = fail(&guarded, "anna", "bot \(index)", at: start) }
        #expect(isOpen(guarded, "anna", "home", at: start))
        #expect(!isOpen(guarded, "anna", "new place", at: start))
        #expect(isOpen(guarded, "anna", "new place", at: start.advanced(by: .seconds(10))))
    }

    @Test func `sixteen guesses from elsewhere keep a user out nowhere`() throws {
        var guarded = LoginGuard()
        for index in 0..<16 { _ = fail(&guarded, "anna", "bot \(index)", at: start) }
        #expect(isOpen(guarded, "anna", "new place", at: start))
    }

    @Test func `guesses of strangers on other users lock nobody out of an accustomed network`() throws {
        var guarded = LoginGuard()
        guarded.earlier.insert("anna", network: "office", lastLogin: 0)
        for index in 0..<1000 { _ = fail(&guarded, "user \(index)", "office", at: start) }
        #expect(isOpen(guarded, "anna", "office", at: start))
        #expect(!isOpen(guarded, "bert", "office", at: start))
    }

    @Test(arguments: [true, false])
    func `a lock in an accustomed network or on the host lasts a minute at most`(isHost: Bool) {
        var guarded = LoginGuard()
        guarded.earlier.insert("anna", network: "office", lastLogin: 0)
        let origin = LoginGuard.Origin(user: "anna", network: isHost ? "127.0.0.1" : "office", isHost: isHost)
        var now = start
        var longest = Duration.zero
        for _ in 0..<20 {
            let wait = fail(&guarded, origin, at: now) ?? .zero
            longest = max(longest, wait)
            now = now.advanced(by: wait)
        }
        #expect(longest == .seconds(60))
    }

    @Test func `a device is judged by its own tries alone`() {
        var guarded = LoginGuard()
        guarded.earlier.insert("anna", device: "phone", lastLogin: 0)
        let phone = LoginGuard.Origin(user: "anna", network: "cafe", device: "phone")
        for _ in 0..<10 { _ = fail(&guarded, "anna", "cafe", at: start) }
        #expect(guarded.evidence(of: phone, at: start) == .device)
        for wait in [0, 0, 1] { #expect(fail(&guarded, phone, at: start) == .seconds(wait)) }
        #expect(fail(&guarded, phone, at: start) == nil)
        #expect(isOpen(guarded, "anna", "elsewhere", at: start))
        let forged = LoginGuard.Origin(user: "anna", network: "cafe", device: "forged")
        #expect(guarded.evidence(of: forged, at: start) == .stranger)
    }

    @Test func `who has stolen a device's token locks its owner out nowhere`() {
        var guarded = LoginGuard()
        guarded.earlier.insert("anna", device: "phone", lastLogin: 0)
        guarded.earlier.insert("anna", network: "home", lastLogin: 0)
        let thief = LoginGuard.Origin(user: "anna", network: "thief", device: "phone")
        // The token's tries, then those of a stranger.
        var tries = 0
        while fail(&guarded, thief, at: start) != nil { tries += 1 }
        #expect(tries == 6)
        for network in ["home", "cafe"] {
            let owner = LoginGuard.Origin(user: "anna", network: network, device: "phone")
            #expect(guarded.wait(owner, at: start) == .zero)
        }
        let home = LoginGuard.Origin(user: "anna", network: "home", device: "phone")
        #expect(guarded.evidence(of: home, at: start) == .accustomed)
    }

    @Test func `a try that was never checked costs nothing`() {
        var guarded = LoginGuard()
        for _ in 0..<50 {
            guard case .proceed(let attempt) = guarded.begin(.init(user: "anna", network: "a"), at: start) else {
                Issue.record("refused")
                return
            }
            guarded.withdrawn(attempt, at: start)
        }
        #expect(guarded.entryCount == 0)
    }

    @Test func `a flood of names and addresses neither grows the tables nor unlocks an attacker`() {
        var guarded = LoginGuard(capacity: 1000)
        var now = start
        for _ in 0..<12 {
            now = now.advanced(by: fail(&guarded, "anna", "attacker", at: now) ?? .seconds(60))
        }
        _ = fail(&guarded, "anna", "attacker", at: now)
        for index in 0..<100_000 { _ = fail(&guarded, "name \(index)", "address \(index)", at: now) }
        #expect(guarded.entryCount <= 5000)
        #expect(!isOpen(guarded, "anna", "attacker", at: now.advanced(by: .seconds(899))))
        #expect(isOpen(guarded, "bert", "home", at: now))
    }

    @Test func `when a table is full of locks, newcomers have one try every ten seconds, and no lock that grows`() {
        var table = FailureTable<Int>(policy: .stranger, capacity: 10)
        for key in 0..<10 { for _ in 0..<3 { table.charge(key, at: start) } }
        #expect(table.wait(500, at: start) == .zero)
        for key in 100..<200 { table.charge(key, at: start) }
        #expect(table.count == 10)
        #expect(table.wait(500, at: start) == .seconds(10))
        #expect(table.wait(0, at: start) == .seconds(1))
        table.refund(100)
        #expect(table.wait(500, at: start) == .zero, "it was right")
    }

    @Test func `strangers who fill their table with locks leave every user a try every ten seconds from a new place`() {
        var guarded = LoginGuard(capacity: 1000)
        for network in 0..<600 {
            for index in 0..<6 {
                for _ in 0..<3 { _ = fail(&guarded, "\(network) \(index)", "bot \(network)", at: start) }
            }
        }
        #expect(isOpen(guarded, "anna", "new place", at: start))
        var tries = 0
        for second in 0..<100 {
            for network in 0..<100 {
                let now = start.advanced(by: .seconds(second))
                if fail(&guarded, "anna", "other bot \(network)", at: now) != nil { tries += 1 }
            }
        }
        #expect(tries == 30 + 9, "guesses are bounded all the same")
        #expect(isOpen(guarded, "anna", "new place", at: start.advanced(by: .seconds(100))))
        #expect(isOpen(guarded, "bert", "new place", at: start.advanced(by: .seconds(99))), "of each user apart")
    }

    @Test func `names that are tried on the host lock nobody out of another network, and the host for ten seconds`() {
        var guarded = LoginGuard(capacity: 1000)
        guarded.earlier.insert("anna", network: "home", lastLogin: 0)
        func host(_ user: String) -> LoginGuard.Origin { .init(user: user, network: "127.0.0.1", isHost: true) }
        for index in 0..<2000 { for _ in 0..<12 { _ = fail(&guarded, host("name \(index)"), at: start) } }
        #expect(guarded.wait(host("anna"), at: start) <= .seconds(10))
        for _ in 0..<2 { #expect(fail(&guarded, "anna", "home", at: start) == .zero) }
        #expect(isOpen(guarded, "anna", "home", at: start))
    }

    @Test func `when a table of budgets is full of used ones, newcomers share one`() {
        var table = BudgetTable<Int>(policy: BudgetPolicy(burst: 2, interval: .seconds(10)), capacity: 10)
        for key in 0..<10 { for _ in 0..<2 { table.charge(key, at: start) } }
        for key in 100..<102 { table.charge(key, at: start) }
        #expect(table.count == 10)
        #expect(table.wait(500, at: start) == .seconds(10))
        #expect(table.wait(0, at: start) == .seconds(10))
        #expect(table.wait(0, at: start.advanced(by: .seconds(10))) == .zero)
    }
}
