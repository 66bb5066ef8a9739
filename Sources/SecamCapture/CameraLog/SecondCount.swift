import SecamBase

/// A count of occurrences within the second that begins with the first one.
struct SecondCount: Sendable {
    private var count = 0
    private var since: MonotonicTime

    init(_ now: MonotonicTime) { since = now }

    func isOver(_ now: MonotonicTime) -> Bool { now - since >= .seconds(1) }

    /// Counts one more and returns the new count.
    mutating func add(_ now: MonotonicTime) -> Int {
        if isOver(now) { self = SecondCount(now) }
        count += 1
        return count
    }
}
