import Logging
import SecamBase

/// The bounds of what one process writes to its log.
///
/// The first lines of an event pass at once: of changes, as many as a system of fifty cameras makes when it starts; of
/// problems, which come back until their cause is gone, as many as show it. Together the events of a process write at most `totalBurst`, and then `totalBytesPerSecond`, 88 MB a day.
struct LogLimits: Sendable {
    /// Lines of one event that pass at once after a silence, below the level of a warning and from there on.
    var changeBurst = 50
    var problemBurst = 10
    /// The time after which an event may write one line more, microseconds.
    var eventInterval: Int64 = 10_000_000
    /// Events that are counted each by itself; the further ones of a level share one budget.
    var eventCount = 256
    /// Bytes that a process may write at once after a silence.
    var totalBurst = 256 << 10
    /// The part of `totalBurst` for errors and for events that were silent before, and the part of that for errors.
    var silentReserve = 64 << 10
    var errorReserve = 32 << 10
    var totalBytesPerSecond = 1 << 10

    func burst(_ level: Logger.Level) -> Int { level < .warning ? changeBurst : problemBurst }

    /// The longest line, bytes with its end; one call writes that much to a pipe undivided (`PIPE_BUF`).
    static let lineBytes = 4096
    /// Bytes that a line costs at least, so that the bound of bytes bounds the lines too.
    static let lineCost = 256
    /// The longest message, bytes; longer ones are events of one kind where they begin alike.
    static let messageBytes = 512
}

/// Decides which log lines are written, so that nothing that a peer causes fills a disk or hides another event.
///
/// An event is a level, a label and a message, which is a fixed phrase: details are metadata. Each event has a budget of
/// its own, and all share a total.
struct LogLimiter: Sendable {
    struct Event: Sendable, Hashable {
        let level: Logger.Level
        let label: String
        let message: String
    }

    /// The latest line of an event that was left out, and the number of those before it.
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
    /// When events that are idle are looked for again; looking costs as much as there are events.
    private var nextForget: MonotonicTime

    init(_ limits: LogLimits = LogLimits(), now: MonotonicTime) {
        self.limits = limits
        nextForget = now
        total = LogBudget(
            burst: Double(limits.totalBurst), perMicrosecond: Double(limits.totalBytesPerSecond) / 1e6, now: now)
    }

    /// Whether lines were left out that no later line has told of.
    var hasSuppressed: Bool { records.values.contains { $0.suppressed > 0 } }

    var trackedEvents: Int { records.count }

    /// Counts one line.
    ///
    /// - Returns: the number of lines left out since the event's previous one; `nil` where this one is left out too.
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

    /// Charges the total with a line that passed, once its length is known.
    mutating func charge(bytes: Int) { total.spend(Double(max(0, bytes - LogLimits.lineCost))) }

    /// Returns what can be told by now of events that went silent, in the order in which they occurred.
    ///
    /// - Parameter isLast: whether the process ends, so that no event need wait for its turn.
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
        // An event that was silent is news; one that floods is not.
        default: reserve = record.budget.isFull ? limits.errorReserve : limits.silentReserve
        }
        guard record.budget.has(1), total.has(Double(LogLimits.lineCost + reserve)) else { return nil }
        record.budget.spend(1)
        total.spend(Double(LogLimits.lineCost))
        defer { record.suppressed = 0 }
        return record.suppressed
    }

    /// The event under which a line is counted; it has a record then.
    private mutating func tracked(_ event: Event, now: MonotonicTime) -> Event {
        if records[event] != nil { return event }
        var event = event
        if records.count >= limits.eventCount, !forgetIdle(now: now) {
            event = Event(level: event.level, label: event.label, message: "further events")
        }
        if records[event] == nil {
            let burst = Double(limits.burst(event.level))
            records[event] = Record(
                budget: LogBudget(burst: burst, perMicrosecond: 1 / Double(limits.eventInterval), now: now))
        }
        return event
    }

    private mutating func forgetIdle(now: MonotonicTime) -> Bool {
        guard now >= nextForget else { return false }
        nextForget = now.advanced(byMicroseconds: limits.eventInterval)
        for event in records.keys { records[event]?.budget.refill(now: now) }
        records = records.filter { !$0.value.isIdle }
        return records.count < limits.eventCount
    }

    /// A copy that holds no more than a line can show.
    private static func bounded(_ metadata: Logger.Metadata) -> Logger.Metadata {
        metadata.mapValues { value in
            if case .string(let text) = value, text.utf8.count <= LogLimits.lineBytes { return value }
            return .string("\(value)".prefix(utf8Bytes: LogLimits.lineBytes))
        }
    }
}

/// Tokens that come back at a constant rate until there are as many as a burst.
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
        tokens = min(burst, tokens + Double(now.since(filled)) * perMicrosecond)
        filled = now
    }

    mutating func fill() { tokens = burst }

    func has(_ count: Double) -> Bool { tokens >= count }

    /// A line whose length shows only after it passed may take more than there is; the next ones wait for that.
    mutating func spend(_ count: Double) { tokens -= count }
}

extension String {
    /// The longest beginning of at most so many bytes.
    func prefix(utf8Bytes limit: Int) -> String {
        guard utf8.count > limit else { return self }
        var end = utf8.index(utf8.startIndex, offsetBy: limit)
        while end.samePosition(in: unicodeScalars) == nil { end = utf8.index(before: end) }
        return String(self[..<end])
    }
}
