import Glibc

/// A time of the week in the gateway's time zone, as schedules use it.
package struct LocalTime: Sendable, Hashable {
    /// 0 for Monday to 6 for Sunday.
    package let weekday: Int
    /// Minutes since midnight.
    package let minute: Int

    package init(weekday: Int, minute: Int) {
        precondition((0..<7).contains(weekday) && (0..<24 * 60).contains(minute))
        self.weekday = weekday
        self.minute = minute
    }

    package static var now: LocalTime {
        var seconds = time(nil)
        var parts = unsafe tm()
        unsafe localtime_r(&seconds, &parts)
        return unsafe LocalTime(
            weekday: (Int(parts.tm_wday) + 6) % 7, minute: Int(parts.tm_hour) * 60 + Int(parts.tm_min))
    }
}
