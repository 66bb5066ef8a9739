import Testing

@testable import SecamV4L2

@Suite struct DeviceClockTests {
    /// UTC microseconds at the monotonic clock's 0.
    let boot: Int64 = 1_700_000_000_000_000

    func reading(_ monotonic: Int64, step: Int64 = 0) -> ClockReading {
        ClockReading(realtime: boot + monotonic + step, monotonic: monotonic)
    }

    @Test func `a stamp keeps its age`() {
        var clock = DeviceClock(now: reading(0))
        #expect(clock.utc(stamp: 500_000, now: reading(520_000)) == boot + 500_000)
    }

    @Test func `a frame without a stamp has the time at which it was dequeued`() {
        var clock = DeviceClock(now: reading(0))
        #expect(clock.utc(stamp: nil, now: reading(520_000)) == boot + 520_000)
    }

    @Test func `a step of the wall clock is followed at the next sample`() {
        var clock = DeviceClock(now: reading(0))
        let step: Int64 = 3_600_000_000
        #expect(clock.utc(stamp: 600_000, now: reading(600_000, step: step)) == boot + 600_000)
        #expect(clock.utc(stamp: 1_000_000, now: reading(1_000_000, step: step)) == boot + 1_000_000 + step)
        #expect(clock.utc(stamp: 1_100_000, now: reading(1_100_000, step: step)) == boot + 1_100_000 + step)
    }

    @Test(arguments: [520_001, Int64.max, -9_480_001, Int64.min / 2])
    func `a stamp in the future or long past is ignored`(stamp: Int64) {
        var clock = DeviceClock(now: reading(0))
        #expect(clock.utc(stamp: stamp, now: reading(520_000)) == boot + 520_000)
    }

    @Test func `the machine's clocks agree with each other`() {
        let first = ClockReading.now()
        let second = ClockReading.now()
        #expect(first.realtime > 1_600_000_000_000_000)
        #expect(second.monotonic >= first.monotonic)
    }
}
