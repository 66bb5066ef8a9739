import Glibc

/// A reading of both clocks at one instant, in microseconds.
struct ClockReading: Hashable, Sendable {
    /// CLOCK_REALTIME: since 1970-01-01 UTC.
    let realtime: Int64
    /// CLOCK_MONOTONIC: since a fixed instant. Drivers stamp frames with this clock.
    let monotonic: Int64

    /// Reads both clocks. The thread may be suspended between the two readings, so the closest of a few pairs is used.
    static func now() -> ClockReading {
        let attempts = 3
        let closeEnough: Int64 = 5
        var best = ClockReading(realtime: 0, monotonic: 0)
        var bestSpread = Int64.max
        for _ in 0..<attempts where bestSpread > closeEnough {
            let before = microseconds(CLOCK_MONOTONIC)
            let realtime = microseconds(CLOCK_REALTIME)
            let after = microseconds(CLOCK_MONOTONIC)
            if after - before < bestSpread {
                bestSpread = after - before
                best = ClockReading(realtime: realtime, monotonic: before + bestSpread / 2)
            }
        }
        return best
    }

    private static func microseconds(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        _ = unsafe clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000
    }
}

/// A converter of a device's CLOCK_MONOTONIC stamps to UTC.
///
/// The difference of the two clocks is sampled every second, which follows corrections by NTP, and constant in between,
/// which keeps frames evenly spaced.
struct DeviceClock: Sendable {
    static let sampleInterval: Duration = .seconds(1)
    /// Age beyond which a stamp is an error of the driver, and so is any stamp in the future.
    static let oldestStamp: Duration = .seconds(10)

    private var sample: ClockReading

    init(now: ClockReading) {
        sample = now
    }

    /// - Parameters:
    ///   - stamp: the driver's stamp, microseconds on CLOCK_MONOTONIC; `nil` if it has another or no clock.
    ///   - now: both clocks when the frame was dequeued.
    /// - Returns: UTC microseconds since 1970; the time of `now` for an implausible stamp.
    mutating func utc(stamp: Int64?, now: ClockReading) -> Int64 {
        if .microseconds(now.monotonic - sample.monotonic) >= Self.sampleInterval { sample = now }
        let difference = sample.realtime - sample.monotonic
        guard let stamp, stamp <= now.monotonic, .microseconds(now.monotonic - stamp) <= Self.oldestStamp else {
            return now.monotonic + difference
        }
        return stamp + difference
    }
}
