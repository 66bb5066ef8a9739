import Testing

@testable import SecamUsers

struct LoginGuardTests {
    private let start = ContinuousClock.now

    /// Makes a failed attempt. Returns the wait after it; `nil` when the attempt was denied.
    private func fail(
        _ loginGuard: inout LoginGuard, _ user: String, _ address: String, at now: LoginGuard.Instant
    ) -> Duration? {
        fail(&loginGuard, .init(user: user, network: address), at: now)
    }

    private func fail(
        _ loginGuard: inout LoginGuard, _ origin: LoginGuard.Origin, at now: LoginGuard.Instant
    ) -> Duration? {
        guard case .admitted(let attempt) = loginGuard.admit(origin, at: now) else { return nil }
        return loginGuard.recordFailure(of: attempt, at: now)
    }

    private func isOpen(
        _ loginGuard: LoginGuard, _ user: String, _ address: String, at now: LoginGuard.Instant
    ) -> Bool {
        var copy = loginGuard
        if case .admitted = copy.admit(.init(user: user, network: address), at: now) { return true }
        return false
    }

    @Test func `from the third failure on the wait doubles up to a quarter of an hour`() {
        var loginGuard = LoginGuard()
        var now = start
        var waits: [Duration] = []
        for _ in 0..<14 {
            let wait = fail(&loginGuard, "anna", "a", at: now) ?? .seconds(-1)
            waits.append(wait)
            now = now.advanced(by: wait)
        }
        let expected = [0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]
        #expect(waits == expected.map { .seconds($0) })
    }

    @Test func `attempts during a lock are denied and do not count`() {
        var loginGuard = LoginGuard()
        for _ in 0..<3 { _ = fail(&loginGuard, "anna", "a", at: start) }
        for _ in 0..<100 { #expect(fail(&loginGuard, "anna", "a", at: start) == nil) }
        #expect(!isOpen(loginGuard, "anna", "a", at: start.advanced(by: .milliseconds(999))))
        #expect(isOpen(loginGuard, "anna", "a", at: start.advanced(by: .seconds(1))))
    }

    @Test func `concurrent attempts count before any of them has failed`() {
        var loginGuard = LoginGuard()
        var admitted = 0
        for _ in 0..<100 {
            if case .admitted = loginGuard.admit(.init(user: "anna", network: "a"), at: start) { admitted += 1 }
        }
        #expect(admitted == 3)
    }

    @Test func `a success resets the failures of user and network`() throws {
        var loginGuard = LoginGuard()
        for _ in 0..<2 { _ = fail(&loginGuard, "anna", "a", at: start) }
        guard case .admitted(let attempt) = loginGuard.admit(.init(user: "anna", network: "a"), at: start) else {
            Issue.record("refused")
            return
        }
        loginGuard.recordSuccess(of: attempt, at: start)
        #expect(fail(&loginGuard, "anna", "a", at: start) == .zero)
    }

    @Test func `a network cannot try a password on many users, even with an account of its own`() throws {
        var loginGuard = LoginGuard()
        var now = start
        var attempts = 0
        for index in 0..<1000 {
            if fail(&loginGuard, "user \(index)", "a", at: now) != nil { attempts += 1 }
            if case .admitted(let own) = loginGuard.admit(.init(user: "mallory", network: "a"), at: now) {
                loginGuard.recordSuccess(of: own, at: now)
            }
            now = now.advanced(by: .milliseconds(1))
        }
        #expect(attempts == 20)
        #expect(fail(&loginGuard, "another", "a", at: start.advanced(by: .seconds(61))) != nil, "an attempt a minute")
        #expect(fail(&loginGuard, "another one", "a", at: start.advanced(by: .seconds(61))) == nil)
    }

    @Test func `guesses from elsewhere do not lock a user out of a known network`() throws {
        var loginGuard = LoginGuard()
        loginGuard.earlier.insert("anna", network: "home", lastLogin: 0)
        for index in 0..<1000 { _ = fail(&loginGuard, "anna", "bot \(index)", at: start) }
        #expect(isOpen(loginGuard, "anna", "home", at: start))
        #expect(!isOpen(loginGuard, "anna", "new place", at: start))
        #expect(isOpen(loginGuard, "anna", "new place", at: start.advanced(by: .seconds(10))))
    }

    @Test func `sixteen guesses from elsewhere do not lock a user out anywhere`() throws {
        var loginGuard = LoginGuard()
        for index in 0..<16 { _ = fail(&loginGuard, "anna", "bot \(index)", at: start) }
        #expect(isOpen(loginGuard, "anna", "new place", at: start))
    }

    @Test func `strangers' guesses on other users lock no user out of a known network`() throws {
        var loginGuard = LoginGuard()
        loginGuard.earlier.insert("anna", network: "office", lastLogin: 0)
        for index in 0..<1000 { _ = fail(&loginGuard, "user \(index)", "office", at: start) }
        #expect(isOpen(loginGuard, "anna", "office", at: start))
        #expect(!isOpen(loginGuard, "bert", "office", at: start))
    }

    @Test(arguments: [true, false])
    func `a lock in a known network or on the host lasts at most a minute`(isHost: Bool) {
        var loginGuard = LoginGuard()
        loginGuard.earlier.insert("anna", network: "office", lastLogin: 0)
        let origin = LoginGuard.Origin(user: "anna", network: isHost ? "127.0.0.1" : "office", isHost: isHost)
        var now = start
        var longest = Duration.zero
        for _ in 0..<20 {
            let wait = fail(&loginGuard, origin, at: now) ?? .zero
            longest = max(longest, wait)
            now = now.advanced(by: wait)
        }
        #expect(longest == .seconds(60))
    }

    @Test func `a device is judged by its own attempts alone`() {
        var loginGuard = LoginGuard()
        loginGuard.earlier.insert("anna", device: "phone", lastLogin: 0)
        let phone = LoginGuard.Origin(user: "anna", network: "cafe", device: "phone")
        for _ in 0..<10 { _ = fail(&loginGuard, "anna", "cafe", at: start) }
        #expect(loginGuard.evidence(of: phone, at: start) == .device)
        for wait in [0, 0, 1] { #expect(fail(&loginGuard, phone, at: start) == .seconds(wait)) }
        #expect(fail(&loginGuard, phone, at: start) == nil)
        #expect(isOpen(loginGuard, "anna", "elsewhere", at: start))
        let forged = LoginGuard.Origin(user: "anna", network: "cafe", device: "forged")
        #expect(loginGuard.evidence(of: forged, at: start) == .stranger)
    }

    @Test func `a thief of a device token does not lock its owner out`() {
        var loginGuard = LoginGuard()
        loginGuard.earlier.insert("anna", device: "phone", lastLogin: 0)
        loginGuard.earlier.insert("anna", network: "home", lastLogin: 0)
        let thief = LoginGuard.Origin(user: "anna", network: "thief", device: "phone")
        // The attempts of the token, and then those of a stranger.
        var attempts = 0
        while fail(&loginGuard, thief, at: start) != nil { attempts += 1 }
        #expect(attempts == 6)
        for network in ["home", "cafe"] {
            let owner = LoginGuard.Origin(user: "anna", network: network, device: "phone")
            #expect(loginGuard.wait(owner, at: start) == .zero)
        }
        let home = LoginGuard.Origin(user: "anna", network: "home", device: "phone")
        #expect(loginGuard.evidence(of: home, at: start) == .known)
    }

    @Test func `a withdrawn attempt costs nothing`() {
        var loginGuard = LoginGuard()
        for _ in 0..<50 {
            guard case .admitted(let attempt) = loginGuard.admit(.init(user: "anna", network: "a"), at: start) else {
                Issue.record("refused")
                return
            }
            loginGuard.withdraw(attempt, at: start)
        }
        #expect(loginGuard.entryCount == 0)
    }

    @Test func `a flood of names and addresses neither grows the tables nor lifts locks`() {
        var loginGuard = LoginGuard(capacity: 1000)
        var now = start
        for _ in 0..<12 {
            now = now.advanced(by: fail(&loginGuard, "anna", "attacker", at: now) ?? .seconds(60))
        }
        _ = fail(&loginGuard, "anna", "attacker", at: now)
        for index in 0..<100_000 { _ = fail(&loginGuard, "name \(index)", "address \(index)", at: now) }
        #expect(loginGuard.entryCount <= 5000)
        #expect(!isOpen(loginGuard, "anna", "attacker", at: now.advanced(by: .seconds(899))))
        #expect(isOpen(loginGuard, "bert", "home", at: now))
    }

    @Test func `with a table full of locks, new keys share one attempt every ten seconds`() {
        var table = FailureTable<Int>(policy: .stranger, capacity: 10)
        for key in 0..<10 { for _ in 0..<3 { table.charge(key, at: start) } }
        #expect(table.wait(500, at: start) == .zero)
        for key in 100..<200 { table.charge(key, at: start) }
        #expect(table.count == 10)
        #expect(table.wait(500, at: start) == .seconds(10))
        #expect(table.wait(0, at: start) == .seconds(1))
        table.refund(100)
        #expect(table.wait(500, at: start) == .zero, "the attempt was refunded")
    }

    @Test func `with a table full of locks, each user has an attempt every ten seconds from a new network`() {
        var loginGuard = LoginGuard(capacity: 1000)
        for network in 0..<600 {
            for index in 0..<6 {
                for _ in 0..<3 { _ = fail(&loginGuard, "\(network) \(index)", "bot \(network)", at: start) }
            }
        }
        #expect(isOpen(loginGuard, "anna", "new place", at: start))
        var attempts = 0
        for second in 0..<100 {
            for network in 0..<100 {
                let now = start.advanced(by: .seconds(second))
                if fail(&loginGuard, "anna", "other bot \(network)", at: now) != nil { attempts += 1 }
            }
        }
        #expect(attempts == 30 + 9, "guesses stay bounded")
        #expect(isOpen(loginGuard, "anna", "new place", at: start.advanced(by: .seconds(100))))
        #expect(
            isOpen(loginGuard, "bert", "new place", at: start.advanced(by: .seconds(99))),
            "each user has a budget of its own")
    }

    @Test func `attempts under many names on the host delay the host by ten seconds, and no other network`() {
        var loginGuard = LoginGuard(capacity: 1000)
        loginGuard.earlier.insert("anna", network: "home", lastLogin: 0)
        func host(_ user: String) -> LoginGuard.Origin { .init(user: user, network: "127.0.0.1", isHost: true) }
        for index in 0..<2000 { for _ in 0..<12 { _ = fail(&loginGuard, host("name \(index)"), at: start) } }
        #expect(loginGuard.wait(host("anna"), at: start) <= .seconds(10))
        for _ in 0..<2 { #expect(fail(&loginGuard, "anna", "home", at: start) == .zero) }
        #expect(isOpen(loginGuard, "anna", "home", at: start))
    }

    @Test func `with a table full of exhausted budgets, new keys share one budget`() {
        var table = BudgetTable<Int>(policy: BudgetPolicy(burst: 2, interval: .seconds(10)), capacity: 10)
        for key in 0..<10 { for _ in 0..<2 { table.charge(key, at: start) } }
        for key in 100..<102 { table.charge(key, at: start) }
        #expect(table.count == 10)
        #expect(table.wait(500, at: start) == .seconds(10))
        #expect(table.wait(0, at: start) == .seconds(10))
        #expect(table.wait(0, at: start.advanced(by: .seconds(10))) == .zero)
    }
}
