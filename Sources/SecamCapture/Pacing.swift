import Glibc
import SecamBase

/// Keeps a virtual camera at its frame rate: pictures are due at equal distances from the first one.
struct Pacing {
    /// Delay beyond which pictures are skipped, as after a suspension of the whole machine, instead of made up for.
    static let longestDelay: Duration = .seconds(1)

    private let interval: Duration
    private let start = MonotonicTime.now
    private var count = 0

    init(framesPerSecond: Double) { interval = Duration.seconds(1) / framesPerSecond }

    /// Waits until the next picture is due.
    ///
    /// - Returns: `false` if that is later than the timeout.
    mutating func wait(timeout: Duration) -> Bool {
        guard Pacing.wait(until: start + interval * count, timeout: timeout) else { return false }
        count += 1
        let elapsed = MonotonicTime.now - start
        if elapsed - interval * count > Pacing.longestDelay { count = Int((elapsed / interval).rounded(.up)) }
        return true
    }

    /// Waits until an instant.
    ///
    /// - Returns: `false` if that is later than the timeout.
    static func wait(until due: MonotonicTime, timeout: Duration) -> Bool {
        let delay = due - .now
        let pause = min(delay, timeout).microseconds
        if pause > 0 {
            var time = timespec(tv_sec: Int(pause / 1_000_000), tv_nsec: Int(pause % 1_000_000) * 1000)
            unsafe clock_nanosleep(CLOCK_MONOTONIC, 0, &time, nil)
        }
        return delay <= timeout
    }
}
