/// Keeps what others can cause again and again from filling the log: one line at once, then one in ten seconds with
/// how many there were meanwhile.
public struct LogThrottle: Sendable {
    /// Microseconds between two lines.
    public static let interval: Int64 = 10_000_000

    private var lastLine: MonotonicTime?
    private var suppressed: UInt64 = 0

    public init() {}

    /// Counts one occurrence.
    ///
    /// - Returns: how many occurrences the line is to stand for, this one included; `nil` for no line.
    public mutating func count(now: MonotonicTime = .now) -> UInt64? {
        suppressed += 1
        if let lastLine, now.since(lastLine) < LogThrottle.interval { return nil }
        lastLine = now
        defer { suppressed = 0 }
        return suppressed
    }
}
