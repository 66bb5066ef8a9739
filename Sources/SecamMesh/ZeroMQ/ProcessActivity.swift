import Glibc
import SecamBase

/// Decides when a check of all connections is worthwhile: an idle process receives almost nothing.
struct ProcessActivity {
    private var lastCheck = MonotonicTime.now
    private var lastAsked = MonotonicTime.now
    private var lastProcessorTime: Int64 = 0

    /// Longest interval of checks, for an idle process.
    private static let checkInterval = Duration.seconds(1)
    /// Processor use below which a process counts as idle, per cent of one processor.
    private static let idlePercent: Int64 = 4

    /// Returns whether a check is due. Call it several times a second.
    mutating func isCheckDue(now: MonotonicTime) -> Bool {
        let processorTime = ProcessActivity.processorTime
        let used = processorTime - lastProcessorTime
        let elapsed = max(1, (now - lastAsked).microseconds)
        (lastProcessorTime, lastAsked) = (processorTime, now)
        let isIdle = used * 100 <= elapsed * ProcessActivity.idlePercent
        if isIdle, now - lastCheck < ProcessActivity.checkInterval { return false }
        lastCheck = now
        return true
    }

    /// Processor time of all threads of the process, microseconds.
    private static var processorTime: Int64 {
        var time = timespec()
        unsafe clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000
    }
}
