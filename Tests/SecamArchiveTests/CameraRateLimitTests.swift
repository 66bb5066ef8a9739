import SecamBase
import Testing

@testable import SecamArchive

@Suite struct CameraRateLimitTests {
    private func at(_ seconds: Int64) -> MonotonicTime {
        MonotonicTime(microseconds: 1_000_000_000 + seconds * 1_000_000)
    }

    @Test func `after a burst a camera may report one new event per second, however often it restarts`() {
        let rateLimit = CameraRateLimit(now: at(0))
        var told = 0
        for second: Int64 in 0..<100 {
            // A connection each second, whose camera uses all the credit that is left.
            let left = rateLimit.eventsLeft(now: at(second))
            for _ in 0..<min(64, left) {
                rateLimit.chargeNewEvent()
                told += 1
            }
        }
        #expect(told >= 512 && told <= 512 + 100)
    }

    @Test func `a camera is connected at most once per second`() {
        let rateLimit = CameraRateLimit(now: at(0))
        #expect(rateLimit.chargeConnection(now: at(0)))
        #expect(!rateLimit.chargeConnection(now: at(0)))
        #expect(rateLimit.chargeConnection(now: at(1)))
        #expect(!rateLimit.isFull(now: at(1)) && rateLimit.isFull(now: at(3)))
    }
}
