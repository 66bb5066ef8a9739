import CLinux
import Glibc

/// A moment of the clock that never jumps, in microseconds; for deadlines and durations.
package struct MonotonicTime: Sendable, Hashable, Comparable {
    package let microseconds: Int64

    package init(microseconds: Int64) { self.microseconds = microseconds }

    package static var now: MonotonicTime { MonotonicTime(microseconds: readClock(CLOCK_MONOTONIC)) }

    package func advanced(byMicroseconds delta: Int64) -> MonotonicTime {
        MonotonicTime(microseconds: microseconds + delta)
    }

    /// Microseconds from an earlier moment to this one.
    package func since(_ earlier: MonotonicTime) -> Int64 { microseconds - earlier.microseconds }

    package static func < (left: MonotonicTime, right: MonotonicTime) -> Bool {
        left.microseconds < right.microseconds
    }
}

/// The wall clock, as it stands on the wire.
package enum WallClock {
    /// UTC microseconds since 1970.
    package static var now: Int64 { readClock(CLOCK_REALTIME) }

    /// Whether a time service, such as chrony or systemd-timesyncd, keeps it right.
    package static var isSynchronized: Bool { secam_wall_clock_is_synchronized() }
}

/// The time since the machine's start, suspension included.
package enum Uptime {
    package static var microseconds: Int64 { readClock(CLOCK_BOOTTIME) }
}

/// What the calling thread has used of a processor.
package enum ThreadTime {
    package static var microseconds: Int64 { readClock(CLOCK_THREAD_CPUTIME_ID) }
}

private func readClock(_ clock: clockid_t) -> Int64 {
    var time = timespec()
    unsafe clock_gettime(clock, &time)
    return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000
}
