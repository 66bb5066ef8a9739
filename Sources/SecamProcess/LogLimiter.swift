import Logging
import SecamBase

/// The limits of one process's log.
///
/// The first lines of an event pass at once. For changes their number is that of a system of fifty cameras at its
/// start; for problems, which recur until their cause is gone, it is just enough to show the problem. All events of a
/// process together write at most `totalBurst`, and then `totalBytesPerSecond`, 88 MB a day.
struct LogLimits: Sendable {
    /// Lines of one event that pass at once after a silence: below the level `warning`, and from it upwards.
    var changeBurst = 50
    var problemBurst = 10
    /// Time after which an event may write another line.
    var eventInterval = Duration.seconds(10)
    /// Number of events with a budget of their own; further events of one level share a budget.
    var eventCount = 256
    /// Bytes that a process may write at once after a silence.
    var totalBurst = 256 << 10
    /// The part of `totalBurst` reserved for errors and for events that were silent, and the part of it reserved for
    /// errors.
    var silentReserve = 64 << 10
    var errorReserve = 32 << 10
    var totalBytesPerSecond = 1 << 10

    func burst(_ level: Logger.Level) -> Int { level < .warning ? changeBurst : problemBurst }

    /// Maximum line length with its end, bytes; a pipe writes this much in one piece (`PIPE_BUF`).
    static let lineBytes = 4096
    /// Minimum cost of a line, bytes, so that the byte limit also limits the number of lines.
    static let lineCost = 256
    /// Maximum message length, bytes; longer messages with the same beginning count as one event.
    static let messageBytes = 512
}

/// Decides which log lines are written, so that no peer can fill a disk or hide other events.
///
/// An event is a level, a label and a message, which is a fixed phrase with details in metadata. Each event has its own
/// budget, and all share a total budget.
struct LogLimiter: Sendable {
    struct Event: Sendable, Hashable {
        let level: Logger.Level
        let label: String
        let message: String
    }

    /// The latest suppressed line of an event, and the number of suppressed lines before it.
    struct Summary: Sendable {
        let event: Event
        let metadata: Logger.Metadata
        let suppressed: UInt64
    }

    private struct Record: Sendable {
        var budget: LogBudget
        var suppressed: UInt64 = 0
        var latest: (metadata: Logger.Metadata, order: UInt64) = ([:], 0)

        var isIdle: Bool { suppressed == 0 && budget.isFull }
    }

    private let limits: LogLimits
    private var records: [Event: Record] = [:]
    private var total: LogBudget
    private var order: UInt64 = 0
    /// The time of the next search for idle events, which visits all events.
    private var nextForget: MonotonicTime

    init(_ limits: LogLimits = LogLimits(), now: MonotonicTime) {
        self.limits = limits
        nextForget = now
        total = LogBudget(
            burst: Double(limits.totalBurst), perMicrosecond: Double(limits.totalBytesPerSecond) / 1e6, now: now)
    }

    /// Whether any suppressed lines have not been reported yet.
    var hasSuppressed: Bool { records.values.contains { $0.suppressed > 0 } }

    var trackedEvents: Int { records.count }

    /// Counts one line.
    ///
    /// - Returns: the number of lines suppressed since the event's previous line; `nil` if this line is suppressed too.
    mutating func admit(_ event: Event, _ metadata: Logger.Metadata, now: MonotonicTime) -> UInt64? {
        total.refill(now: now)
        let event = tracked(event, now: now)
        guard var record = records.removeValue(forKey: event) else { return nil }
        defer { records[event] = record }
        record.budget.refill(now: now)
        if let suppressed = pass(&record, event.level) { return suppressed }
        record.suppressed += 1
        order += 1
        record.latest = (LogLimiter.bounded(metadata), order)
        return nil
    }

    /// Charges the total budget for a line that passed, once its length is known.
    mutating func charge(bytes: Int) { total.spend(Double(max(0, bytes - LogLimits.lineCost))) }

    /// Returns the summaries that are due, in the order in which their lines were suppressed.
    ///
    /// - Parameter isLast: whether the process ends, so all summaries are due.
    mutating func summaries(now: MonotonicTime, isLast: Bool = false) -> [Summary] {
        total.refill(now: now)
        var summaries: [Summary] = []
        let pending = records.filter { $0.value.suppressed > 0 }
            .sorted { $0.value.latest.order < $1.value.latest.order }
        for (event, var record) in pending {
            if isLast { record.budget.fill() } else { record.budget.refill(now: now) }
            if let suppressed = pass(&record, event.level) {
                summaries.append(
                    Summary(event: event, metadata: record.latest.metadata, suppressed: suppressed - 1))
                record.latest.metadata = [:]
            }
            records[event] = record
        }
        return summaries
    }

    private mutating func pass(_ record: inout Record, _ level: Logger.Level) -> UInt64? {
        let reserve: Int
        switch level {
        case .error, .critical: reserve = 0
        // An event that was silent is news; a flood is not.
        default: reserve = record.budget.isFull ? limits.errorReserve : limits.silentReserve
        }
        guard record.budget.has(1), total.has(Double(LogLimits.lineCost + reserve)) else { return nil }
        record.budget.spend(1)
        total.spend(Double(LogLimits.lineCost))
        defer { record.suppressed = 0 }
        return record.suppressed
    }

    /// Returns the event that counts a line, and creates its record.
    private mutating func tracked(_ event: Event, now: MonotonicTime) -> Event {
        if records[event] != nil { return event }
        var event = event
        if records.count >= limits.eventCount, !forgetIdle(now: now) {
            event = Event(level: event.level, label: event.label, message: "further events")
        }
        if records[event] == nil {
            let burst = Double(limits.burst(event.level))
            let perMicrosecond = 1 / Double(limits.eventInterval.microseconds)
            records[event] = Record(budget: LogBudget(burst: burst, perMicrosecond: perMicrosecond, now: now))
        }
        return event
    }

    private mutating func forgetIdle(now: MonotonicTime) -> Bool {
        guard now >= nextForget else { return false }
        nextForget = now + limits.eventInterval
        for event in records.keys { records[event]?.budget.refill(now: now) }
        records = records.filter { !$0.value.isIdle }
        return records.count < limits.eventCount
    }

    /// Returns a copy with values no longer than a line.
    private static func bounded(_ metadata: Logger.Metadata) -> Logger.Metadata {
        metadata.mapValues { value in
            if case .string(let text) = value, text.utf8.count <= LogLimits.lineBytes { return value }
            return .string("\(value)".prefix(utf8Bytes: LogLimits.lineBytes))
        }
    }
}

/// A token bucket: tokens return at a constant rate up to the burst.
struct LogBudget: Sendable {
    private let burst: Double
    private let perMicrosecond: Double
    private var tokens: Double
    private var filled: MonotonicTime

    init(burst: Double, perMicrosecond: Double, now: MonotonicTime) {
        self.burst = burst
        self.perMicrosecond = perMicrosecond
        tokens = burst
        filled = now
    }

    var isFull: Bool { tokens >= burst }

    mutating func refill(now: MonotonicTime) {
        guard now > filled else { return }
        tokens = min(burst, tokens + Double((now - filled).microseconds) * perMicrosecond)
        filled = now
    }

    mutating func fill() { tokens = burst }

    func has(_ count: Double) -> Bool { tokens >= count }

    /// Spends tokens, possibly more than there are: a line's length is known only after it has passed, and later lines
    /// wait.
    mutating func spend(_ count: Double) { tokens -= count }
}

extension String {
    /// Returns the longest prefix of at most `limit` bytes.
    func prefix(utf8Bytes limit: Int) -> String {
        guard utf8.count > limit else { return self }
        var end = utf8.index(utf8.startIndex, offsetBy: limit)
        while end.samePosition(in: unicodeScalars) == nil { end = utf8.index(before: end) }
        return String(self[..<end])
    }
}
