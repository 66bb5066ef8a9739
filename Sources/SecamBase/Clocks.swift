import CLinux
import Glibc

/// An instant of the monotonic clock, in microseconds; for deadlines and time spans.
package struct MonotonicTime: Sendable, Hashable, Comparable {
    package let microseconds: Int64

    package init(microseconds: Int64) { self.microseconds = microseconds }

    package static var now: MonotonicTime { MonotonicTime(microseconds: readClock(CLOCK_MONOTONIC)) }

    package static func + (instant: MonotonicTime, duration: Duration) -> MonotonicTime {
        MonotonicTime(microseconds: instant.microseconds + duration.microseconds)
    }

    /// Returns the time span from the right instant to the left one.
    package static func - (later: MonotonicTime, earlier: MonotonicTime) -> Duration {
        .microseconds(later.microseconds - earlier.microseconds)
    }

    package static func < (left: MonotonicTime, right: MonotonicTime) -> Bool {
        left.microseconds < right.microseconds
    }
}

extension Duration {
    /// Whole microseconds, rounded towards zero and clamped to the range of `Int64`.
    package var microseconds: Int64 {
        let (seconds, attoseconds) = components
        let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000)
        guard !overflow else { return seconds < 0 ? .min : .max }
        let (sum, sumOverflow) = whole.addingReportingOverflow(attoseconds / 1_000_000_000_000)
        return sumOverflow ? (seconds < 0 ? .min : .max) : sum
    }

    /// Whole milliseconds, rounded towards zero.
    package var milliseconds: Int64 { microseconds / 1000 }
}

/// The wall clock, in the unit of the wire protocol.
package enum WallClock {
    /// Microseconds of a day without a leap second.
    package static let day: Int64 = 86_400_000_000

    /// UTC microseconds since 1970.
    package static var now: Int64 { readClock(CLOCK_REALTIME) }

    /// Whether a time service, such as chrony or systemd-timesyncd, synchronizes the clock.
    package static var isSynchronized: Bool { secam_wall_clock_is_synchronized() }
}

/// Time since the machine started, including suspension.
package enum Uptime {
    package static var microseconds: Int64 { readClock(CLOCK_BOOTTIME) }
}

/// Processor time that the calling thread has used.
package enum ThreadTime {
    package static var microseconds: Int64 { readClock(CLOCK_THREAD_CPUTIME_ID) }
}

private func readClock(_ clock: clockid_t) -> Int64 {
    var time = timespec()
    unsafe clock_gettime(clock, &time)
    return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000
}
