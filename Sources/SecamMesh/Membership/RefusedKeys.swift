import SecamBase
import SecamWire

/// The keys that were refused lately.
///
/// A new member often connects a moment before the roster with its key arrives, and connects again. Only a key that is
/// still refused after that is worth a warning. A state machine without I/O.
struct RefusedKeys {
    /// Time within which a roster reaches all members.
    private static let rosterDelay: Duration = .seconds(10)
    /// Time after which a key counts as new again.
    private static let memory: Duration = .seconds(600)
    /// Number of keys in memory. Beyond it, each refusal is a warning.
    private static let limit = 256

    private var first: [PublicKey: MonotonicTime] = [:]

    /// Records a refusal.
    ///
    /// - Parameter key: `nil` for a connection without a key.
    /// - Returns: whether the key may be that of a new member.
    mutating func isNew(_ key: PublicKey?, now: MonotonicTime) -> Bool {
        guard let key else { return false }
        first = first.filter { now - $0.value < Self.memory }
        guard let since = first[key] else {
            guard first.count < Self.limit else { return false }
            first[key] = now
            return true
        }
        return now - since < Self.rosterDelay
    }
}
