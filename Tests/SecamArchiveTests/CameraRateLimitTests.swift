import SecamBase
import Testing

@testable import SecamArchive

@Suite struct CameraRateLimitTests {
    private func at(_ seconds: Int64) -> MonotonicTime {
        MonotonicTime(microseconds: 1_000_000_000 + seconds * 1_000_000)
    }

    @Test func `after a burst a camera may report one new event per second, however often it restarts`() {
        let allowance = CameraRateLimit(now: at(0))
        var told = 0
        for second: Int64 in 0..<100 {
            // A connection each second, whose camera uses all the credit that is left.
            let left = allowance.eventsLeft(now: at(second))
            for _ in 0..<min(64, left) {
                allowance.chargeNewEvent()
                told += 1
            }
        }
        #expect(told >= 512 && told <= 512 + 100)
    }

    @Test func `a camera is connected at most once per second`() {
        let allowance = CameraRateLimit(now: at(0))
        #expect(allowance.chargeConnection(now: at(0)))
        #expect(!allowance.chargeConnection(now: at(0)))
        #expect(allowance.chargeConnection(now: at(1)))
        #expect(!allowance.isFull(now: at(1)) && allowance.isFull(now: at(3)))
    }
}
