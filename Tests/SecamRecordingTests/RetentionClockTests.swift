import Testing

@testable import SecamRecording

@Suite struct RetentionClockTests {
    private let clocks = ScriptedClocks()

    private func advanced(_ clock: RetentionClock) -> RetentionClock {
        var clock = clock
        clock.advance(to: clocks.reading)
        return clock
    }

    private func age(since start: RetentionClock, at clock: RetentionClock) -> Duration {
        .microseconds(clock.time.microseconds - start.time.microseconds)
    }

    @Test func `the clock advances while the machine runs`() {
        let start = RetentionClock(clocks.reading)
        clocks.pass(.days(20))
        let later = advanced(start)
        #expect(age(since: start, at: later) == .days(20) && later.doubt == nil)
    }

    @Test(arguments: [15, -15, 365 * 40, -365 * 50]) func `a step of the wall clock does not count as time`(days: Int) {
        let start = RetentionClock(clocks.reading)
        clocks.set(by: .days(days))
        clocks.pass(.seconds(20))
        let stepped = advanced(start)
        #expect(age(since: start, at: stepped) == .seconds(20))
        #expect(stepped.doubt == .step(.days(days)))
        clocks.set(by: .days(-days))
        let back = advanced(stepped)
        #expect(back.doubt == nil && age(since: start, at: back) == .seconds(20))
    }

    @Test func `many small corrections cause no doubt`() {
        let start = RetentionClock(clocks.reading)
        var clock = start
        for _ in 0..<100 {
            clocks.set(by: .seconds(60))
            clocks.pass(.seconds(1))
            clock = advanced(clock)
            #expect(clock.doubt == nil)
        }
        #expect(age(since: start, at: clock) == .seconds(100))
        #expect(clock.expectedWall == clocks.reading.wall)
    }

    @Test func `a step is trusted if a time service made it or an operator confirms it`() {
        let start = RetentionClock(clocks.reading)
        clocks.set(by: .days(9))
        var confirmed = advanced(start)
        #expect(confirmed.confirm() == .days(9))
        #expect(confirmed.doubt == nil && age(since: start, at: confirmed) == .zero)
        clocks.synchronize()
        var synchronized = start
        #expect(synchronized.advance(to: clocks.reading) == .days(9))
        #expect(synchronized.doubt == nil && age(since: start, at: synchronized) == .zero)
    }

    @Test func `a short absence counts as time, and a long one requires proof`() {
        let start = RetentionClock(clocks.reading)
        clocks.restart(after: .seconds(3600))
        #expect(age(since: start, at: advanced(start)) == .seconds(3600))
        clocks.restart(after: .days(9))
        let away = advanced(start)
        guard case .absence(let length) = away.doubt else {
            Issue.record("\(away)")
            return
        }
        #expect(length > .days(8) && age(since: start, at: away) < .days(1))
        clocks.synchronize()
        let later = advanced(away)
        #expect(later.doubt == nil && age(since: start, at: later) < .days(1), "the earlier clock may have been wrong")
        var told = away
        told.confirmElapsed()
        #expect(told.doubt == nil && age(since: start, at: told) > .days(9))
    }

    @Test func `a long absence counts if the clock was synchronized before and after`() {
        clocks.synchronize()
        let start = RetentionClock(clocks.reading)
        clocks.restart(after: .days(21))
        clocks.synchronize(false)
        let away = advanced(start)
        #expect(away.doubt != nil)
        clocks.synchronize()
        let later = advanced(away)
        #expect(later.doubt == nil && age(since: start, at: later) == .days(21))
    }

    @Test func `a machine that starts in 1970 counts its absence once its clock is set`() {
        let start = RetentionClock(clocks.reading)
        let wall = clocks.reading.wall
        clocks.restart(after: .seconds(600), wall: 10_000_000)
        let early = advanced(start)
        #expect(early.doubt != nil && age(since: start, at: early) == .seconds(20))
        clocks.pass(.seconds(30))
        clocks.set(by: .microseconds(wall + 640_000_000 - clocks.reading.wall))
        let set = advanced(early)
        #expect(set.doubt == nil && age(since: start, at: set) == .seconds(640))
    }

    @Test func `extreme readings do not trap`() {
        let extremes: [Int64] = [.min, .min + 1, -1, 0, 1, .max - 1, .max]
        for wall in extremes {
            for uptime in extremes {
                for boot in ["boot 1", "boot 2"] {
                    var clock = RetentionClock(clocks.reading)
                    for isSynchronized in [false, true] {
                        clock.advance(
                            to: .init(wall: wall, uptime: uptime, boot: boot, isSynchronized: isSynchronized))
                        _ = (clock.doubt, clock.expectedWall)
                        clock.advance(to: clocks.reading)
                    }
                    clock.confirmElapsed()
                    clock.confirm()
                }
            }
        }
    }
}
