import SecamCrypto
import SecamTestSupport
import SecamWire
import Synchronization
import Testing

@testable import SecamUsers

@Suite struct SecondFactorTests {
    private let scratch: ScratchFolder
    private let store: UserStore
    private let audit: AuditLog
    private let anna: Name
    private let factor = SecondFactor(secret: Array("12345678901234567890".utf8))

    init() throws {
        scratch = try ScratchFolder()
        store = try UserStore(path: scratch.file("users.sqlite"))
        audit = try AuditLog(in: scratch)
        anna = try Name("anna")
        try store.add(anna, password: "correct horse", role: .admin)
    }

    /// Time of a step's begin, UTC microseconds.
    private func time(_ step: Int64) -> Int64 { step * SecondFactor.period * 1_000_000 }

    /// Returns an authenticator at the time of a step. Its clock of locks stands still, so that none expires.
    private func authenticator(at step: Int64) throws -> Authenticator {
        let (now, time) = (ContinuousClock.now, time(step))
        return try Authenticator(users: store, audit: audit, clock: { now }, time: { time }, logger: quiet)
    }

    private func login(
        _ authenticator: Authenticator, password: String = "correct horse", code: String, remember: Bool = false,
        token: [UInt8] = []
    ) async -> LoginOutcome {
        await withCheckedContinuation { continuation in
            authenticator.authenticate(
                Login(username: "anna", password: password, remember: remember, token: token, code: code),
                from: LoginPeer(address: "a:1", network: "a")
            ) { continuation.resume(returning: $0) }
        }
    }

    private func isAccepted(_ outcome: LoginOutcome) -> Bool {
        if case .accepted = outcome { true } else { false }
    }

    private func enrol(at step: Int64 = 0, recoveryCodes: [String] = []) throws {
        try store.setSecondFactor(factor, usedStep: step, recoveryCodes: recoveryCodes, of: anna)
    }

    @Test(
        arguments: [
            (59, "287082"), (1_111_111_109, "081804"), (1_111_111_111, "050471"), (1_234_567_890, "005924"),
            (2_000_000_000, "279037"), (20_000_000_000, "353130"),
        ] as [(Int64, String)])
    func `codes are those of RFC 6238`(seconds: Int64, code: String) throws {
        #expect(try factor.code(ofStep: seconds / 30) == code)
    }

    @Test func `codes of the steps beside the present one are accepted, others are not`() throws {
        for step in Int64(98)...102 {
            let found = try factor.step(ofCode: factor.code(ofStep: step), at: time(100) + 1)
            #expect(found == (abs(step - 100) <= 1 ? step : nil))
        }
        #expect(try factor.step(ofCode: "", at: time(100)) == nil)
    }

    @Test func `an app gets the secret by address or by typing`() throws {
        let user = try Name("anna & bert")
        #expect(
            factor.address(of: user)
                == "otpauth://totp/secam:anna%20%26%20bert?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=secam")
        #expect(factor.typedSecret == "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ")
        #expect(Base32.encode(Array("foobar".utf8)) == "MZXW6YTBOI")
        let code = try #require(QRCode(factor.address(of: user)))
        // A finder pattern: a dark ring of seven modules around a light one.
        for index in 0..<7 {
            #expect(code.isDark(index, 0) && code.isDark(0, index) && code.isDark(code.side - 1 - index, 0))
        }
        #expect(!code.isDark(1, 1) && !code.isDark(7, 0))
        #expect(QRCode(String(repeating: "x", count: 8000)) == nil)
    }

    @Test func `a login needs password and code, and a code works once`() async throws {
        try enrol(at: 99)
        let code = try factor.code(ofStep: 100)
        let authenticator = try authenticator(at: 100)
        #expect(await login(authenticator, code: "") == .denied(.secondFactor, wait: 0))
        #expect(await login(authenticator, password: "wrong", code: code) == .denied(.credentials, wait: 0))
        #expect(await login(authenticator, code: try factor.code(ofStep: 99)) == .denied(.secondFactor, wait: 0))
        #expect(isAccepted(await login(authenticator, code: code)))
        #expect(await login(authenticator, code: code) == .denied(.secondFactor, wait: 0), "used")
        #expect(isAccepted(await login(try self.authenticator(at: 101), code: try factor.code(ofStep: 101))))
    }

    @Test func `a code that is used in parallel admits one login`() async throws {
        try enrol()
        let authenticator = try authenticator(at: 100)
        let code = try factor.code(ofStep: 100)
        let accepted = await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<2 { group.addTask { isAccepted(await login(authenticator, code: code)) } }
            return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(accepted == 1)
    }

    @Test func `guesses of the code are locked like guesses of the password`() async throws {
        try enrol()
        let authenticator = try authenticator(at: 100)
        var outcome = LoginOutcome.denied(.busy, wait: 0)
        for _ in 0..<4 { outcome = await login(authenticator, code: "12345") }
        guard case .denied(.locked, _) = outcome else { throw TestFailure("\(outcome)") }
    }

    @Test func `a recovery code works once, however it is typed`() async throws {
        let codes = try RecoveryCodes.random()
        #expect(Set(codes).count == RecoveryCodes.count)
        try enrol(recoveryCodes: codes)
        let authenticator = try authenticator(at: 100)
        let typed = codes[0].uppercased().replacing("-", with: " ")
        #expect(isAccepted(await login(authenticator, code: typed)))
        #expect(await login(authenticator, code: codes[0]) == .denied(.secondFactor, wait: 0))
        #expect(isAccepted(await login(authenticator, code: codes[1])))
        #expect(try store.secondFactor(of: anna).recoveryCodes == RecoveryCodes.count - 2)
    }

    @Test func `a device that logged in with a code needs no further one until the factor changes`() async throws {
        try enrol()
        let authenticator = try authenticator(at: 100)
        let code = try factor.code(ofStep: 100)
        guard case .accepted(_, _, let token?) = await login(authenticator, code: code, remember: true) else {
            throw TestFailure("no device token")
        }
        #expect(isAccepted(await login(authenticator, code: "", token: token)))
        try enrol()
        #expect(await login(try self.authenticator(at: 200), code: "", token: token) == .denied(.secondFactor, wait: 0))
    }

    @Test func `a required second factor must be set up first`() async throws {
        try store.requireSecondFactor(true, of: anna)
        let authenticator = try authenticator(at: 100)
        #expect(await login(authenticator, code: "") == .denied(.enrolment, wait: 0))
        try store.requireSecondFactor(false, of: anna)
        #expect(isAccepted(await login(authenticator, code: "")))
        try store.requireSecondFactor(true, of: nil)
        #expect(await login(authenticator, code: "") == .denied(.enrolment, wait: 0))
        try enrol()
        #expect(isAccepted(await login(authenticator, code: try factor.code(ofStep: 100))))
        #expect(try store.removeSecondFactor(of: anna))
        #expect(await login(authenticator, code: "") == .denied(.enrolment, wait: 0))
        #expect(try !store.removeSecondFactor(of: anna))
    }

    @Test func `a change of the second factor ends connections`() throws {
        let before = try #require(try store.user(anna)).credentialRevision
        try enrol()
        let between = try #require(try store.user(anna)).credentialRevision
        #expect(between > before)
        _ = try store.removeSecondFactor(of: anna)
        #expect(try #require(try store.user(anna)).credentialRevision > between)
        let stranger = try Name("nobody")
        #expect(throws: UsersError.noSuchUser(stranger)) { try store.requireSecondFactor(true, of: stranger) }
        #expect(throws: UsersError.noSuchUser(stranger)) { _ = try store.removeSecondFactor(of: stranger) }
    }
}
