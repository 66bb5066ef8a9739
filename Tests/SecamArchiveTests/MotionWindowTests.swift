import SecamWire
import Testing

@testable import SecamArchive

@Suite struct MotionWindowTests {
    private func event(_ id: UInt64, _ state: EventState, start: Int64, last: Int64) -> CameraEvent {
        CameraEvent(
            kind: .motion, state: state, id: id, start: start * 1_000_000, last: last * 1_000_000, peakTime: 0,
            peakSequence: 0, peakBox: .none, boxes: [])
    }

    @Test func `the window spans an event with pre-roll and post-roll`() {
        var window = MotionWindow(preRoll: .seconds(5), postRoll: .seconds(7))
        #expect(!window.isOpen)
        window.handle(event(1, .start, start: 100, last: 100))
        #expect(window.isOpen && window.from == 95_000_000)
        #expect(!window.isOver(at: .max), "the event has not ended")
        window.handle(event(1, .update, start: 100, last: 110))
        window.handle(event(1, .end, start: 100, last: 112))
        #expect(!window.isOver(at: 119_000_000))
        #expect(window.isOver(at: 119_000_001))
    }

    @Test func `overlapping events share one window`() {
        var window = MotionWindow(preRoll: .seconds(1), postRoll: .seconds(1))
        window.handle(event(1, .start, start: 100, last: 100))
        window.handle(event(2, .start, start: 105, last: 105))
        window.handle(event(1, .end, start: 100, last: 110))
        #expect(!window.isOver(at: 200_000_000))
        window.handle(event(2, .end, start: 105, last: 120))
        #expect(window.isOver(at: 121_000_001) && !window.isOver(at: 121_000_000))
    }

    @Test func `an event whose start was missed opens a window`() {
        var window = MotionWindow(preRoll: .seconds(2), postRoll: .seconds(2))
        window.handle(event(1, .end, start: 100, last: 103))
        #expect(window.from == 98_000_000 && window.until == 105_000_000)
        window.close()
        #expect(!window.isOpen)
    }
}
