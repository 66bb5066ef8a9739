import SecamBase
import Testing

@testable import SecamCapture

@Suite struct StreamClockTests {
    private static let second: Int64 = 1_000_000

    @Test func `pictures that waited get the times at which they were captured`() {
        var clock = StreamClock()
        // Three seconds of pictures arrive at once, the others as they are captured.
        var errors: [Int64] = []
        for number in 0..<100 {
            let stream = Int64(number) * Self.second / 10
            let captured = 50 * Self.second + stream
            let stamp = clock.stamp(stream: stream, arrival: max(captured, 53 * Self.second) + 2000)
            if number >= 30 { errors.append(abs(stamp - captured)) }
        }
        #expect(errors.allSatisfy { $0 <= 3000 })
    }

    @Test func `a stall of the network does not delay times`() {
        var clock = StreamClock()
        for number in 0..<300 {
            let stream = Int64(number) * Self.second / 10
            // Nothing arrives from 10 s to 16 s.
            let arrival = stream >= 10 * Self.second ? max(stream, 16 * Self.second) : stream
            #expect(clock.stamp(stream: stream, arrival: arrival) == stream)
        }
    }

    @Test(arguments: [3600, 8, -1, -3600])
    func `a jump of the stream's time changes no time of capture`(seconds: Int64) {
        var clock = StreamClock()
        for number in 0..<200 {
            let real = Int64(number) * Self.second / 10
            let stream = 7200 * Self.second + real + (number >= 100 ? seconds * Self.second : 0)
            #expect(abs(clock.stamp(stream: stream, arrival: real) - real) <= 10)
        }
    }

    @Test(arguments: [0.9998, 1.0002])
    func `a drifting clock causes an error of milliseconds`(rate: Double) {
        var clock = StreamClock()
        for number in 0..<36_000 {
            let real = Int64(number) * Self.second / 10
            let stamp = clock.stamp(stream: Int64(Double(real) * rate), arrival: real)
            #expect(abs(stamp - real) <= 10_000)
        }
    }

    @Test func `times rise, whatever the stream's times do`() {
        var clock = StreamClock()
        var last = Int64.min
        var random = SystemRandomNumberGenerator()
        for number in 0..<1000 {
            let stream = Bool.random() ? nil : Int64.random(in: .min ... .max, using: &random)
            let stamp = clock.stamp(stream: stream, arrival: Int64(number) * 1000)
            #expect(stamp > last)
            last = stamp
        }
        #expect(last <= 1000 * 1000 + 2000)
    }
}

@Suite struct PlaybackClockTests {
    /// Returns the distances at which pictures with these times, milliseconds, are due.
    private func distances(_ times: [Int64?], rate: Double = 10, isFixed: Bool = false) -> [Int64] {
        var clock = PlaybackClock(framesPerSecond: rate, isFixed: isFixed)
        var now = MonotonicTime(microseconds: 0)
        return times.map { time in
            let due = clock.due(time.map { .milliseconds($0) }, now: now)
            defer { now = due }
            return (due - now).milliseconds
        }
    }

    @Test func `uneven distances are kept`() {
        #expect(distances([0, 100, 130, 5000, 5100]) == [0, 100, 30, 4870, 100])
    }

    @Test func `jumps become the usual distance`() {
        #expect(
            distances([0, 100, 3_600_100, 3_600_200, 0, 100, 100, nil, 200]) == [
                0, 100, 100, 100, 100, 100, 100, 100, 100,
            ])
    }

    @Test func `a set rate replaces the times`() {
        #expect(distances([0, 100, 7000, 7001], rate: 4, isFixed: true) == [0, 250, 250, 250])
    }

    @Test func `a slow time lapse keeps its rate`() {
        #expect(distances([0, 30_000, 60_000], rate: 1.0 / 30) == [0, 30_000, 30_000])
    }

    @Test func `after a suspension playback continues`() {
        var clock = PlaybackClock(framesPerSecond: 10, isFixed: false)
        _ = clock.due(.zero, now: MonotonicTime(microseconds: 0))
        let woken = MonotonicTime(microseconds: 9_000_000_000)
        #expect(clock.due(.milliseconds(100), now: woken) == woken)
        #expect(clock.due(.milliseconds(200), now: woken) == woken + .milliseconds(100))
    }
}

@Suite struct RateMeterTests {
    @Test func `the rate of a source without one is measured`() {
        var meter = RateMeter()
        for number in 0..<40 { meter.record(time: Int64(number) * 100_000) }
        #expect(meter.framesPerSecond == 10)
    }

    @Test func `a wrong rate is corrected, a right one kept`() {
        var wrong = RateMeter(declared: 20)
        var right = RateMeter(declared: 29.97)
        for number in 0..<100 {
            wrong.record(time: Int64(number) * 100_000)
            right.record(time: Int64(number) * 33_000)
        }
        #expect(wrong.framesPerSecond == 10)
        #expect(right.framesPerSecond == 29.97)
    }

    @Test func `a slow rate is measured too`() {
        var meter = RateMeter()
        for number in 0..<5 { meter.record(time: Int64(number) * 15_000_000) }
        #expect(meter.framesPerSecond == 0.07)
    }
}

@Suite struct RetryPauseTests {
    @Test func `a source that cannot be opened is tried every five seconds`() {
        var pause = RetryPause()
        let pauses = (0..<8).map { _ in pause.next(after: .fault, run: nil) }
        #expect(pauses.first == .milliseconds(250) && pauses.last == .seconds(5))
    }

    @Test func `a source that opens and soon ends is tried ever more rarely, until it has run well`() {
        var pause = RetryPause()
        for _ in 0..<10 { _ = pause.next(after: .ended, run: .milliseconds(100)) }
        #expect(pause.next(after: .ended, run: .milliseconds(100)) == .seconds(30))
        #expect(pause.next(after: .ended, run: .seconds(60)) == .milliseconds(250))
    }

    @Test func `a refused login is repeated after minutes`() {
        var pause = RetryPause()
        let pauses = (0..<6).map { _ in pause.next(after: .loginRefused, run: nil) }
        #expect(pauses == [30, 60, 120, 240, 300, 300].map { .seconds($0) })
    }
}

@Suite struct JPEGCheckPolicyTests {
    @Test func `the first pictures, small ones and those after a damaged one are checked`() {
        var policy = JPEGCheckPolicy()
        for _ in 0..<100 {
            let isChecked = policy.checksData(byteCount: 1000)
            #expect(isChecked)
            policy.recordWhole(byteCount: 1000)
        }
        var checked = 0
        for _ in 0..<100 {
            if policy.checksData(byteCount: 1000) { checked += 1 }
            policy.recordWhole(byteCount: 1000)
        }
        #expect((1...20).contains(checked))
        let checksSmall = policy.checksData(byteCount: 900)
        policy.recordDamaged()
        let checksAfterDamage = policy.checksData(byteCount: 1000)
        #expect(checksSmall && checksAfterDamage)
    }
}
