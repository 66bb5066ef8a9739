import SecamConfig
import Testing

struct LogThrottleTests {
    private let start = MonotonicTime.now

    private func counts(_ burst: Int, at seconds: [Int64]) -> [UInt64?] {
        var throttle = LogThrottle(burst: burst)
        return seconds.map { throttle.count(now: start.advanced(byMicroseconds: $0 * 1_000_000)) }
    }

    @Test func `one line at once, then one in ten seconds for all that were left out`() {
        #expect(counts(1, at: [0, 1, 9, 10, 11, 30]) == [1, nil, nil, 3, nil, 2])
    }

    @Test func `a burst has a line for each`() {
        #expect(counts(3, at: [0, 0, 1, 2, 9, 10, 10]) == [1, 1, 1, nil, nil, 3, 1])
    }
}
