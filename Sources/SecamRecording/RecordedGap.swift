import SecamBase
import SecamWire

/// Frames that will not come, as one row of the index.
struct RecordedGap {
    let incarnation: UInt64
    /// Sequence numbers; between them there may be frames that were recorded.
    let first: UInt64
    private(set) var last: UInt64
    let reason: GapReason
    /// UTC microseconds.
    let start: Int64
    private(set) var end: Int64
    /// Frames that are missing.
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

/// Puts gaps together that lie close to each other: a camera that drops every third frame for an hour makes some hundred
/// rows instead of ten thousand, and one that means harm no more than a few a second.
struct GapCollector {
    /// Microseconds between two gaps that become one.
    private static let distance: Int64 = 1_000_000
    /// Microseconds that a collected gap lasts at most.
    private static let longest: Int64 = 10_000_000
    /// Rows that may begin within this many microseconds; what comes besides is added to the last of them.
    private static let budget = (rows: 8, microseconds: Int64(10_000_000))

    private var current: RecordedGap?
    private var begun = (since: MonotonicTime.now, count: 0)

    /// - Returns: the row to write, which takes the place of an earlier one with the same incarnation and first number.
    mutating func add(_ gap: RecordedGap, now: MonotonicTime) -> RecordedGap {
        if now.since(begun.since) >= Self.budget.microseconds { begun = (now, 0) }
        if var row = current, isPart(gap, of: row) || begun.count >= Self.budget.rows {
            row.add(gap)
            current = row
            return row
        }
        begun.count += 1
        current = gap
        return gap
    }

    private func isPart(_ gap: RecordedGap, of row: RecordedGap) -> Bool {
        gap.incarnation == row.incarnation && gap.reason == row.reason && gap.first > row.last
            && gap.start >= row.start && gap.start - row.end <= Self.distance && gap.end - row.start <= Self.longest
    }
}
