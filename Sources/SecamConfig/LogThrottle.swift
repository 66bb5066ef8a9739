/// Keeps what others can cause again and again from filling the log: one line at once, or a few where each tells
/// something of its own, then no more for ten seconds, and with the next one how many there were meanwhile.
public struct LogThrottle: Sendable {
    /// Microseconds from the first line of some to the first one of the next.
    public static let interval: Int64 = 10_000_000

    private let burst: Int
    private var start: MonotonicTime?
    private var lines = 0
    private var suppressed: UInt64 = 0

    /// - Parameter burst: lines in ten seconds.
    public init(burst: Int = 1) { self.burst = burst }

    /// Counts one occurrence.
    ///
    /// - Returns: how many occurrences the line is to stand for, this one included; `nil` for no line.
    public mutating func count(now: MonotonicTime = .now) -> UInt64? {
        suppressed += 1
        if start.map({ now.since($0) >= LogThrottle.interval }) ?? true { (start, lines) = (now, 0) }
        guard lines < burst else { return nil }
        lines += 1
        defer { suppressed = 0 }
        return suppressed
    }
}
