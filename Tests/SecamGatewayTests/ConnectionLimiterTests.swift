import NIOCore
import Synchronization
import Testing

@testable import SecamGateway

struct ConnectionLimiterTests {
    private let now = NIODeadline.now()

    @Test func `each limit holds, and released places can be used again`() throws {
        var limits = ViewerConnectionLimits()
        limits.connections = 5
        limits.connectionsPerAddress = 2
        limits.newcomers = 3
        let limiter = ConnectionLimiter(limits: limits)
        func admit(_ network: String) throws -> ConnectionLimiter.Ticket {
            let ticket = try limiter.admit(network, at: now) {}
            limiter.recordFirstByte(ticket)
            return ticket
        }
        let first = try admit("a")
        let second = try admit("a")
        #expect(throws: ConnectionLimiter.Refusal.fromThisAddress) { try admit("a") }
        _ = limiter.recordLogin(second, user: "anna")
        _ = try admit("b")
        let third = try admit("c")
        #expect(throws: ConnectionLimiter.Refusal.newcomers) { try admit("d") }
        _ = limiter.recordLogin(third, user: "anna")
        _ = try admit("d")
        #expect(throws: ConnectionLimiter.Refusal.connections) { try admit("e") }
        limiter.release(second)
        #expect(throws: ConnectionLimiter.Refusal.newcomers) { try admit("e") }
        limiter.release(first)
        _ = try admit("a")
    }

    @Test func `connections without a login make room for others, and logged-in ones do not`() throws {
        var limits = ViewerConnectionLimits()
        limits.connectionsPerAddress = 3
        limits.newcomers = 4
        let limiter = ConnectionLimiter(limits: limits)
        let closed = Mutex<[String]>([])
        func admit(_ name: String, _ network: String, after seconds: Int64) throws -> ConnectionLimiter.Ticket {
            let ticket = try limiter.admit(network, at: now + .seconds(seconds)) { closed.withLock { $0.append(name) } }
            limiter.recordFirstByte(ticket)
            return ticket
        }
        let verified = try admit("verified", "a", after: 0)
        limiter.setVerifying(verified, true)
        _ = try admit("idle 1", "a", after: 0)
        _ = try admit("idle 2", "a", after: 0)
        _ = try admit("new", "b", after: 2)
        _ = try admit("newer", "c", after: 2)
        #expect(closed.withLock { $0 } == ["idle 1"], "the oldest newcomer")
        _ = try admit("same address", "a", after: 2)
        #expect(closed.withLock { $0 } == ["idle 1", "idle 2"])
        _ = try admit("fewer", "d", after: 2)
        #expect(closed.withLock { $0 } == ["idle 1", "idle 2", "same address"], "its network has the most newcomers")
        #expect(throws: ConnectionLimiter.Refusal.newcomers) { try admit("too soon", "e", after: 2) }
        _ = try admit("in time", "e", after: 3)
        #expect(closed.withLock { $0.last } == "new")
    }

    @Test func `silent connections make room at once for others of the same network`() throws {
        let limiter = ConnectionLimiter(limits: ViewerConnectionLimits())
        let closed = Mutex<Set<String>>([])
        func admit(_ name: String) throws -> ConnectionLimiter.Ticket {
            try limiter.admit("a", at: now) { closed.withLock { _ = $0.insert(name) } }
        }
        for index in 0..<100 { _ = try admit("silent \(index)") }
        limiter.recordFirstByte(try admit("viewer"))
        for index in 100..<200 { _ = try admit("silent \(index)") }
        #expect(closed.withLock { $0.count } == 201 - 16)
        #expect(closed.withLock { !$0.contains("viewer") })
    }

    @Test func `networks with many connections leave room for networks with few`() throws {
        var limits = ViewerConnectionLimits()
        limits.newcomers = 64
        let limiter = ConnectionLimiter(limits: limits)
        for index in 0..<1000 { _ = try? limiter.admit("attacker \(index % 5)", at: now) {} }
        for index in 0..<20 { _ = try limiter.admit("viewer \(index)", at: now) {} }
    }

    @Test func `a network's newcomers have a limit of their own`() throws {
        let limiter = ConnectionLimiter(limits: ViewerConnectionLimits())
        for _ in 0..<16 { _ = limiter.recordLogin(try limiter.admit("a", at: now) {}, user: "anna") }
        for _ in 0..<16 { limiter.recordFirstByte(try limiter.admit("a", at: now) {}) }
        #expect(throws: ConnectionLimiter.Refusal.fromThisAddress) { try limiter.admit("a", at: now) {} }
    }

    @Test func `logged-in viewers keep their places, and places are reserved for known networks and the host`() throws {
        var limits = ViewerConnectionLimits()
        limits.connections = 64
        let limiter = ConnectionLimiter(limits: limits)
        let closed = Mutex(0)
        func admit(_ network: String, _ standing: PeerStanding) throws -> ConnectionLimiter.Ticket {
            try limiter.admit(network, standing, at: now) { closed.withLock { $0 += 1 } }
        }
        for index in 0..<56 { _ = limiter.recordLogin(try admit("\(index)", .stranger), user: "\(index)") }
        #expect(throws: ConnectionLimiter.Refusal.connections) { try admit("stranger", .stranger) }
        for index in 0..<7 { _ = limiter.recordLogin(try admit("home \(index)", .known), user: "home \(index)") }
        #expect(throws: ConnectionLimiter.Refusal.connections) { try admit("home", .known) }
        _ = limiter.recordLogin(try admit("127.0.0.1", .host), user: "host")
        #expect(throws: ConnectionLimiter.Refusal.connections) { try admit("127.0.0.1", .host) }
        #expect(closed.withLock { $0 } == 0)
    }

    @Test func `a peer is on the host if its address is a loopback or the gateway's own`() throws {
        func isOnHost(_ peer: String, _ local: String) throws -> Bool {
            try SocketAddress(ipAddress: peer, port: 1).isOnHost(of: SocketAddress(ipAddress: local, port: 2))
        }
        #expect(try isOnHost("127.0.0.1", "127.0.0.1"))
        #expect(try isOnHost("::ffff:127.0.0.1", "::ffff:127.0.0.1"))
        #expect(try isOnHost("::1", "::1"))
        #expect(try isOnHost("::ffff:192.0.2.7", "192.0.2.7"))
        #expect(try !isOnHost("127.0.0.9", "127.0.0.1"))
        #expect(try !isOnHost("192.0.2.8", "192.0.2.7"))
    }

    @Test(arguments: [
        ("192.0.2.7", "192.0.2.7"), ("::ffff:192.0.2.7", "192.0.2.7"), ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
    ])
    func `a network is the part of an address that a peer cannot change`(text: String, network: String) throws {
        #expect(try SocketAddress(ipAddress: text, port: 1).network == network)
    }
}

struct HandshakeSchedulerTests {
    private let start = NIODeadline.now()

    @Test func `handshakes take at most a quarter of an event loop's time`() {
        var turns = HandshakeScheduler<Int>()
        for step in 0..<1000 { turns.add(step, network: "a", standing: .stranger) }
        var now = start
        _ = turns.next(at: now)
        turns.recordStep(from: now, to: now + .milliseconds(1))
        var worked = TimeAmount.milliseconds(1)
        while let due = turns.due {
            now = max(now, due)
            let tooSoon = turns.next(at: now - .nanoseconds(1))
            #expect(tooSoon == nil)
            let step = turns.next(at: now)
            #expect(step != nil)
            turns.recordStep(from: now, to: now + .milliseconds(1))
            now = now + .milliseconds(1)
            worked = worked + .milliseconds(1)
        }
        #expect(worked == .seconds(1))
        #expect(now - start >= .milliseconds(3997))
    }

    @Test func `networks take turns, and known networks come first without starving others`() {
        var turns = HandshakeScheduler<String>()
        for index in 0..<3 { turns.add("attacker \(index)", network: "a", standing: .stranger) }
        turns.add("stranger", network: "b", standing: .stranger)
        for index in 0..<4 { turns.add("known \(index)", network: "c", standing: .known) }
        var order: [String] = []
        while let step = turns.next(at: start) { order.append(step) }
        #expect(
            order == [
                "known 0", "known 1", "known 2", "attacker 0", "known 3", "stranger", "attacker 1", "attacker 2",
            ])
    }

    @Test(arguments: [ConnectionLimiter.Refusal.connections, .fromThisAddress, .newcomers])
    func `the limit that refused a connection is a phrase for operators`(refusal: ConnectionLimiter.Refusal) {
        #expect("\(refusal)".contains(" "))
    }
}
