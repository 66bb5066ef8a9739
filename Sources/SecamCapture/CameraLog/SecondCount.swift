import SecamBase

/// How often something has happened in the second that began with its first time.
struct SecondCount: Sendable {
    private var count = 0
    private var since: MonotonicTime

    init(_ now: MonotonicTime) { since = now }

    func isOver(_ now: MonotonicTime) -> Bool { now.since(since) >= 1_000_000 }

    /// Counts one more.
    mutating func add(_ now: MonotonicTime) -> Int {
        if isOver(now) { self = SecondCount(now) }
        count += 1
        return count
    }
}
