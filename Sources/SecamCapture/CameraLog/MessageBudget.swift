package import SecamBase
package import SecamMesh

/// A bound on the messages that each key may send in a second, over all its connections.
package struct MessageBudget: Sendable {
    private let limit: Int
    private var counts: [PublicKey: SecondCount] = [:]

    /// - Parameter limit: messages per key and second.
    package init(limit: Int) { self.limit = limit }

    /// Counts a received message and returns whether it is within the bound.
    package mutating func allows(_ key: PublicKey, now: MonotonicTime) -> Bool {
        counts[key, default: SecondCount(now)].add(now) <= limit
    }

    /// Forgets keys that have sent nothing for a second.
    package mutating func tick(now: MonotonicTime) {
        counts = counts.filter { !$0.value.isOver(now) }
    }
}
