import Glibc

/// The two clocks of the viewer, in microseconds.
enum Clock {
    /// UTC since 1970; compared with the frames' timestamps.
    static var utc: Int64 { read(CLOCK_REALTIME) }
    /// Never set back; for timeouts.
    static var monotonic: Int64 { read(CLOCK_MONOTONIC) }

    private static func read(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        unsafe clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000
    }
}
