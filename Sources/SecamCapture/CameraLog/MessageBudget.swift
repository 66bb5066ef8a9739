package import SecamBase
package import SecamMesh

/// Bounds the messages that each key may send in a second, whatever number of connections it has.
package struct MessageBudget: Sendable {
    private let limit: Int
    private var counts: [PublicKey: SecondCount] = [:]

    /// - Parameter limit: messages of one key in a second.
    package init(limit: Int) { self.limit = limit }

    /// Whether a message that has come is within the bound.
    package mutating func allows(_ key: PublicKey, now: MonotonicTime) -> Bool {
        counts[key, default: SecondCount(now)].add(now) <= limit
    }

    /// Forgets keys that have sent nothing for a second.
    package mutating func tick(now: MonotonicTime) {
        counts = counts.filter { !$0.value.isOver(now) }
    }
}
