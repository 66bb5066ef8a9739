import SecamBase
import Testing

@testable import SecamProcess

struct OutputLimiterTests {
    private let start = MonotonicTime(microseconds: 0)
    private let logLine = "2026-01-31T12:00:00.123Z warning capture/porch  camera offline  reason=\"unplugged\""

    @Test func `log lines of a service pass unchanged in any pieces`() {
        let text = Array("\(logLine)\n\(logLine) ü\n".utf8)
        for size in 1...text.count {
            var limiter = OutputLimiter(now: start)
            var passed: [[UInt8]] = []
            for begin in stride(from: 0, to: text.count, by: size) {
                passed += limiter.receive(text[begin..<min(text.count, begin + size)], now: start)
            }
            #expect(passed.count == 2 && passed.joined().elementsEqual(text))
        }
    }

    @Test func `a flooding library is limited while log lines pass`() {
        var limiter = OutputLimiter(now: start)
        let noise = Array("[h264 @ 0x55] error while decoding\n".utf8)
        var bytes = 0
        for _ in 0..<100_000 { bytes += limiter.receive(noise, now: start).reduce(0) { $0 + $1.count } }
        #expect(bytes > 0 && bytes <= OutputLimiter.otherBurst)
        #expect(limiter.receive(Array("\(logLine)\n".utf8), now: start).count == 1)
        #expect(limiter.takeSuppressed() == nil)
        let later = start + .seconds(3600)
        #expect(limiter.receive(noise, now: later) == [noise])
        let suppressed = limiter.takeSuppressed()
        #expect(suppressed.map { Int($0) } == 100_000 - OutputLimiter.otherBurst / LogLimits.lineCost)
        #expect(limiter.takeSuppressed(hasEnded: true) == nil)
    }

    @Test func `an unfinished line has a maximum length and is returned at the end`() {
        var limiter = OutputLimiter(now: start)
        for _ in 0..<100 { #expect(limiter.receive([UInt8](repeating: 0x78, count: 1 << 16), now: start).isEmpty) }
        #expect(limiter.finish()?.count == LogLimits.lineBytes)
        #expect(limiter.finish() == nil)
    }
}
