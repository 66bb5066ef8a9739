import SecamBase
import SecamWire

/// Missing frames, as one row of the index.
struct RecordedGap {
    let incarnation: UInt64
    /// Sequence numbers. Frames between them may have been recorded.
    let first: UInt64
    private(set) var last: UInt64
    let reason: GapReason
    /// UTC microseconds.
    let start: Int64
    private(set) var end: Int64
    /// The number of missing frames.
    private(set) var frames: UInt64

    init(_ gap: Gap, start: Int64, end: Int64) {
        incarnation = gap.incarnation
        (first, last) = (gap.missing.first, gap.missing.last)
        reason = gap.reason
        self.start = start
        self.end = max(start, end)
        frames = gap.missing.count
    }

    fileprivate mutating func add(_ other: RecordedGap) {
        last = other.incarnation == incarnation ? max(last, other.last) : last
        end = max(end, other.end)
        frames = frames.addingSaturated(other.frames)
    }
}

/// Merges gaps that are close to each other. A camera that drops every third frame for an hour then makes some hundred
/// rows instead of ten thousand, and a hostile one a few per second at most.
struct GapCollector {
    /// Gaps at most this far apart are merged.
    private static let mergeDistance = Duration.seconds(1)
    /// The maximum duration of a merged gap.
    private static let maximumDuration = Duration.seconds(10)
    /// The number of rows that may begin in this time. Further gaps are added to the last row.
    private static let budget = (rows: 8, time: Duration.seconds(10))

    private var current: RecordedGap?
    private var started = (since: MonotonicTime.now, count: 0)

    /// - Returns: the row to write. It replaces an earlier row with the same incarnation and first number.
    mutating func add(_ gap: RecordedGap, now: MonotonicTime) -> RecordedGap {
        if now - started.since >= Self.budget.time { started = (now, 0) }
        if var row = current, isPart(gap, of: row) || started.count >= Self.budget.rows {
            row.add(gap)
            current = row
            return row
        }
        started.count += 1
        current = gap
        return gap
    }

    private func isPart(_ gap: RecordedGap, of row: RecordedGap) -> Bool {
        gap.incarnation == row.incarnation && gap.reason == row.reason && gap.first > row.last
            && gap.start >= row.start && gap.start - row.end <= Self.mergeDistance.microseconds
            && gap.end - row.start <= Self.maximumDuration.microseconds
    }
}
