import Glibc

/// Both clocks read at one moment, in microseconds.
struct ClockReading: Hashable, Sendable {
    /// CLOCK_REALTIME: since 1970-01-01 UTC.
    let realtime: Int64
    /// CLOCK_MONOTONIC: since some fixed moment; what drivers stamp frames with.
    let monotonic: Int64

    /// Reads both; a thread switched away between the two readings would part them, so the closest of a few counts.
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

/// Turns the stamps of a device on CLOCK_MONOTONIC into UTC. The difference of the two clocks is taken anew
/// every second, so that a correction by NTP is followed, and kept in between, so that frames stay evenly apart.
struct DeviceClock: Sendable {
    static let sampleInterval: Int64 = 1_000_000
    /// A stamp that is older than this, or in the future, is the driver's mistake.
    static let oldestStamp: Int64 = 10_000_000

    private var sample: ClockReading

    init(now: ClockReading) {
        sample = now
    }

    /// - Parameters:
    ///   - stamp: the driver's, microseconds on CLOCK_MONOTONIC; `nil` when it has another or no clock.
    ///   - now: both clocks when the frame was taken out of the queue.
    /// - Returns: UTC microseconds since 1970; the time of `now` when the stamp cannot be right.
    mutating func utc(stamp: Int64?, now: ClockReading) -> Int64 {
        if now.monotonic - sample.monotonic >= Self.sampleInterval { sample = now }
        let difference = sample.realtime - sample.monotonic
        guard let stamp, stamp <= now.monotonic, now.monotonic - stamp <= Self.oldestStamp else {
            return now.monotonic + difference
        }
        return stamp + difference
    }
}
