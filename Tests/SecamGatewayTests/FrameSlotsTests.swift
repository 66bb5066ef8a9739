import NIOCore
import SecamWire
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

    @Test func `a newer frame replaces the waiting one`() {
        var slots = FrameSlots()
        slots.watch(key, credit: 5, interval: .zero, at: start)
        #expect(slots.offer(frame(1)) == .taken)
        #expect(slots.offer(frame(2)) == .replaced)
        #expect(slots.offer(frame(3)) == .replaced)
        #expect(slots.popNext(at: start)?.serial == 3)
        #expect(slots.popNext(at: start) == nil)
    }

    @Test func `a frame older than the last offered one is ignored`() {
        var slots = FrameSlots()
        slots.watch(key, credit: 5, interval: .zero, at: start)
        #expect(slots.offer(frame(2)) == .taken)
        #expect(slots.offer(frame(1)) == .ignored)
        #expect(slots.offer(frame(2)) == .ignored)
        _ = slots.popNext(at: start)
        #expect(slots.offer(frame(2)) == .ignored)
        #expect(slots.offer(frame(3)) == .taken)
    }

    @Test func `frames of other renditions and cameras are ignored`() {
        var slots = FrameSlots()
        slots.watch(key, credit: 5, interval: .zero, at: start)
        #expect(slots.offer(frame(1, 1, .sub)) == .ignored)
        #expect(slots.offer(frame(1, 2)) == .ignored)
    }

    @Test func `each frame costs one credit, and credit has a maximum`() {
        var slots = FrameSlots()
        slots.watch(key, credit: 1, interval: .zero, at: start)
        _ = slots.offer(frame(1))
        #expect(slots.popNext(at: start)?.serial == 1)
        _ = slots.offer(frame(2))
        #expect(slots.popNext(at: start) == nil)
        for _ in 0..<5 { slots.add(credit: .max, to: 1) }
        var sent = 0
        var serial: UInt64 = 3
        while slots.popNext(at: start) != nil {
            sent += 1
            serial += 1
            _ = slots.offer(frame(serial))
        }
        #expect(sent == Int(WireLimits.credit))
    }

    @Test func `frames keep the interval of their watch`() {
        var slots = FrameSlots()
        slots.watch(key, credit: 9, interval: .milliseconds(100), at: start)
        _ = slots.offer(frame(1))
        #expect(slots.popNext(at: start)?.serial == 1)
        #expect(slots.nextDue == nil)
        _ = slots.offer(frame(2))
        _ = slots.offer(frame(3))
        #expect(slots.popNext(at: start + .milliseconds(99)) == nil)
        #expect(slots.nextDue == start + .milliseconds(100))
        #expect(slots.popNext(at: start + .milliseconds(100))?.serial == 3)
    }

    @Test func `cameras take turns`() {
        var slots = FrameSlots()
        for camera: UInt32 in 1...3 {
            slots.watch(FlowKey(camera: camera, rendition: .jpeg), credit: 9, interval: .zero, at: start)
        }
        for camera: UInt32 in 1...3 { _ = slots.offer(frame(1, camera)) }
        #expect(slots.popNext(at: start)?.key.camera == 1)
        _ = slots.offer(frame(2, 1))
        #expect(slots.popNext(at: start)?.key.camera == 2)
        #expect(slots.popNext(at: start)?.key.camera == 3)
        #expect(slots.popNext(at: start)?.key.camera == 1)
    }

    @Test func `a camera without credit does not delay another`() {
        var slots = FrameSlots()
        slots.watch(key, credit: 0, interval: .zero, at: start)
        slots.watch(FlowKey(camera: 2, rendition: .jpeg), credit: 1, interval: .zero, at: start)
        _ = slots.offer(frame(1, 1))
        _ = slots.offer(frame(1, 2))
        #expect(slots.popNext(at: start)?.key.camera == 2)
        #expect(slots.nextDue == nil)
    }

    @Test func `an ended watch leaves nothing behind`() {
        var slots = FrameSlots()
        slots.watch(key, credit: 9, interval: .zero, at: start)
        _ = slots.offer(frame(1))
        slots.unwatch(1)
        #expect(slots.popNext(at: start) == nil)
        #expect(slots.count == 0)
        #expect(slots.keys.isEmpty)
    }
}
