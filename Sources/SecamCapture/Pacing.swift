import Glibc
import SecamBase

/// Keeps a made-up camera at its frame rate: pictures are due at equal distances from the first one.
struct Pacing {
    private let interval: Double
    private let start = MonotonicTime.now
    private var count = 0.0

    init(framesPerSecond: Double) { interval = 1_000_000 / framesPerSecond }

    /// Waits until the next picture is due; `false` when that is later than the limit allows.
    mutating func wait(atMost microseconds: Int64) -> Bool {
        let due = start.advanced(byMicroseconds: Int64(count * interval))
        guard Pacing.wait(until: due, atMost: microseconds) else { return false }
        count += 1
        // Too late for several pictures, as after a stop of the whole machine: those are left out.
        let elapsed = Double(MonotonicTime.now.since(start))
        if elapsed - count * interval > 1_000_000 { count = (elapsed / interval).rounded(.up) }
        return true
    }

    /// Waits until a moment; `false` when that is later than the limit allows.
    static func wait(until due: MonotonicTime, atMost microseconds: Int64) -> Bool {
        let delay = due.since(.now)
        let pause = min(delay, microseconds)
        if pause > 0 {
            var time = timespec(tv_sec: Int(pause / 1_000_000), tv_nsec: Int(pause % 1_000_000) * 1000)
            unsafe clock_nanosleep(CLOCK_MONOTONIC, 0, &time, nil)
        }
        return delay <= microseconds
    }
}
