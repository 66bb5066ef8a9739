import Glibc
import SecamBase

/// Tells when it is worth looking at all connections: an idle process receives nothing to speak of.
struct ProcessActivity {
    private var lastCheck = MonotonicTime.now
    private var lastAsked = MonotonicTime.now
    private var lastProcessorTime: Int64 = 0

    /// Microseconds between two checks whatever the process does.
    private static let checkInterval: Int64 = 1_000_000
    /// Percent of one processor below which a process counts as idle.
    private static let idlePercent: Int64 = 4

    /// Asked at intervals that are short beside a second.
    mutating func isCheckDue(now: MonotonicTime) -> Bool {
        let processorTime = ProcessActivity.processorTime
        let used = processorTime - lastProcessorTime
        let elapsed = max(1, now.since(lastAsked))
        (lastProcessorTime, lastAsked) = (processorTime, now)
        let isIdle = used * 100 <= elapsed * ProcessActivity.idlePercent
        if isIdle, now.since(lastCheck) < ProcessActivity.checkInterval { return false }
        lastCheck = now
        return true
    }

    /// Microseconds that all threads of the process have run.
    private static var processorTime: Int64 {
        var time = timespec()
        unsafe clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000
    }
}
