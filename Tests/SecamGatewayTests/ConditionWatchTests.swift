import SecamBase
import SecamPolicy
import SecamTestSupport
import SecamWire
import Testing

@testable import SecamGateway

@Suite struct ConditionWatchTests {
    private let start = MonotonicTime.now

    private func at(_ seconds: Int64) -> MonotonicTime { start + .seconds(seconds) }

    private func offline(_ name: String) throws -> ConditionWatch.Subject {
        ConditionWatch.Subject(condition: .cameraOffline, name: try Name(name))
    }

    @Test func `a lasting condition is reported once, and so is its end`() throws {
        var watch = ConditionWatch()
        let porch = try offline("porch")
        #expect(watch.update([porch], now: at(0)).isEmpty)
        #expect(watch.update([porch], now: at(9)).isEmpty)
        #expect(watch.update([porch], now: at(10)) == [.init(subject: porch, isOver: false)])
        #expect(watch.update([porch], now: at(11)).isEmpty)
        #expect(watch.update([], now: at(12)) == [.init(subject: porch, isOver: true)])
        #expect(watch.update([], now: at(13)).isEmpty)
    }

    @Test func `a short condition is not reported`() throws {
        var watch = ConditionWatch()
        let porch = try offline("porch")
        #expect(watch.update([porch], now: at(0)).isEmpty)
        #expect(watch.update([], now: at(5)).isEmpty)
        #expect(watch.update([porch], now: at(6)).isEmpty)
        #expect(watch.update([porch], now: at(12)).isEmpty, "the delay starts again")
    }
}
