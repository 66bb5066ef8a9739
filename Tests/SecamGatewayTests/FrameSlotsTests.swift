import NIOCore
import SecamWire
import Synchronization
import Testing

@testable import SecamGateway

struct FrameSlotsTests {
    private let start = NIODeadline.uptimeNanoseconds(1_000_000_000)
    private let key = FlowKey(camera: 1, rendition: .jpeg)

    private func frame(_ serial: UInt64, _ camera: UInt32 = 1, _ rendition: Rendition = .jpeg) -> SharedFrame {
        SharedFrame(
            key: FlowKey(camera: camera, rendition: rendition), serial: serial, message: ByteBuffer(),
            published: start)
    }

    @Test func `the newest frame takes the place of the one before`() {
        var slots = FrameSlots()
        slots.watch(key, credit: 5, interval: .zero, at: start)
        #expect(slots.offer(frame(1)) == .taken)
        #expect(slots.offer(frame(2)) == .replaced)
        #expect(slots.offer(frame(3)) == .replaced)
        #expect(slots.take(at: start)?.serial == 3)
        #expect(slots.take(at: start) == nil)
    }

    @Test func `an older frame is never taken, sent or not`() {
        var slots = FrameSlots()
        slots.watch(key, credit: 5, interval: .zero, at: start)
        #expect(slots.offer(frame(2)) == .taken)
        #expect(slots.offer(frame(1)) == .ignored)
        #expect(slots.offer(frame(2)) == .ignored)
        _ = slots.take(at: start)
        #expect(slots.offer(frame(2)) == .ignored)
        #expect(slots.offer(frame(3)) == .taken)
    }

    @Test func `another rendition and another camera are not taken`() {
        var slots = FrameSlots()
        slots.watch(key, credit: 5, interval: .zero, at: start)
        #expect(slots.offer(frame(1, 1, .sub)) == .ignored)
        #expect(slots.offer(frame(1, 2)) == .ignored)
    }

    @Test func `each frame costs one credit, and credit stops at its limit`() {
        var slots = FrameSlots()
        slots.watch(key, credit: 1, interval: .zero, at: start)
        _ = slots.offer(frame(1))
        #expect(slots.take(at: start)?.serial == 1)
        _ = slots.offer(frame(2))
        #expect(slots.take(at: start) == nil)
        for _ in 0..<5 { slots.add(credit: .max, to: 1) }
        var sent = 0
        var serial: UInt64 = 3
        while slots.take(at: start) != nil {
            sent += 1
            serial += 1
            _ = slots.offer(frame(serial))
        }
        #expect(sent == Int(WireLimits.credit))
    }

    @Test func `between two frames at least the interval passes`() {
        var slots = FrameSlots()
        slots.watch(key, credit: 9, interval: .milliseconds(100), at: start)
        _ = slots.offer(frame(1))
        #expect(slots.take(at: start)?.serial == 1)
        #expect(slots.nextDue == nil)
        _ = slots.offer(frame(2))
        _ = slots.offer(frame(3))
        #expect(slots.take(at: start + .milliseconds(99)) == nil)
        #expect(slots.nextDue == start + .milliseconds(100))
        #expect(slots.take(at: start + .milliseconds(100))?.serial == 3)
    }

    @Test func `cameras take turns`() {
        var slots = FrameSlots()
        for camera: UInt32 in 1...3 {
            slots.watch(FlowKey(camera: camera, rendition: .jpeg), credit: 9, interval: .zero, at: start)
        }
        for camera: UInt32 in 1...3 { _ = slots.offer(frame(1, camera)) }
        #expect(slots.take(at: start)?.key.camera == 1)
        _ = slots.offer(frame(2, 1))
        #expect(slots.take(at: start)?.key.camera == 2)
        #expect(slots.take(at: start)?.key.camera == 3)
        #expect(slots.take(at: start)?.key.camera == 1)
    }

    @Test func `a camera without credit does not hold up another`() {
        var slots = FrameSlots()
        slots.watch(key, credit: 0, interval: .zero, at: start)
        slots.watch(FlowKey(camera: 2, rendition: .jpeg), credit: 1, interval: .zero, at: start)
        _ = slots.offer(frame(1, 1))
        _ = slots.offer(frame(1, 2))
        #expect(slots.take(at: start)?.key.camera == 2)
        #expect(slots.nextDue == nil)
    }

    @Test func `what is not watched any more leaves nothing behind`() {
        var slots = FrameSlots()
        slots.watch(key, credit: 9, interval: .zero, at: start)
        _ = slots.offer(frame(1))
        slots.unwatch(1)
        #expect(slots.take(at: start) == nil)
        #expect(slots.count == 0)
        #expect(slots.keys.isEmpty)
    }
}

struct ConnectionLedgerTests {
    private let now = NIODeadline.now()

    @Test func `each limit holds, and what is released can be used again`() throws {
        var limits = ConnectionLimits()
        limits.connections = 4
        limits.connectionsPerAddress = 2
        limits.notLoggedIn = 3
        let ledger = ConnectionLedger(limits: limits)
        func admit(_ network: String) throws -> ConnectionLedger.Ticket { try ledger.admit(network, at: now) {} }
        let first = try admit("a")
        let second = try admit("a")
        #expect(throws: ConnectionLedger.Refusal.fromThisAddress) { try admit("a") }
        _ = try admit("b")
        #expect(throws: ConnectionLedger.Refusal.notLoggedIn) { try admit("c") }
        ledger.loggedIn(second)
        _ = try admit("c")
        #expect(throws: ConnectionLedger.Refusal.connections) { try admit("d") }
        ledger.release(second)
        #expect(throws: ConnectionLedger.Refusal.notLoggedIn) { try admit("a") }
        ledger.release(first)
        _ = try admit("a")
    }

    @Test func `who only opens connections makes room for others, and who logs in does not`() throws {
        var limits = ConnectionLimits()
        limits.connectionsPerAddress = 3
        limits.notLoggedIn = 4
        let ledger = ConnectionLedger(limits: limits)
        let closed = Mutex<[String]>([])
        func admit(_ name: String, _ network: String, after seconds: Int64) throws -> ConnectionLedger.Ticket {
            try ledger.admit(network, at: now + .seconds(seconds)) { closed.withLock { $0.append(name) } }
        }
        let verified = try admit("verified", "a", after: 0)
        ledger.verifies(verified, true)
        _ = try admit("idle 1", "a", after: 0)
        _ = try admit("idle 2", "a", after: 0)
        _ = try admit("new", "b", after: 2)
        _ = try admit("newer", "c", after: 2)
        #expect(closed.withLock { $0 } == ["idle 1"], "the one that has had most time")
        _ = try admit("same address", "a", after: 2)
        #expect(closed.withLock { $0 } == ["idle 1", "idle 2"])
        #expect(throws: ConnectionLedger.Refusal.self) { try admit("too soon", "d", after: 2) }
    }

    @Test(arguments: [
        ("192.0.2.7", "192.0.2.7"), ("::ffff:192.0.2.7", "192.0.2.7"), ("2001:db8:1:2:3:4:5:6", "20:1:d:b8:0:1:0:2/64"),
        ("2001:db8:1:2:ffff::1", "20:1:d:b8:0:1:0:2/64"),
    ])
    func `an address stands for what one peer cannot change at will`(text: String, network: String) throws {
        #expect(try SocketAddress(ipAddress: text, port: 1).network == network)
    }
}
