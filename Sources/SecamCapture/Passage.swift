import Synchronization

/// Bounds the pictures on their way from the device's thread to the loop: when the loop is behind, new ones are left
/// out instead of piling up.
final class Passage: Sendable {
    private static let limit = 4
    private let inside = Atomic<Int>(0)
    private let refused = Atomic<UInt64>(0)

    /// Pictures that were left out.
    var turnedAway: UInt64 { refused.load(ordering: .relaxed) }

    /// Whether there is room for one more; whoever gets `true` must `leave`.
    func enter() -> Bool {
        guard inside.add(1, ordering: .relaxed).newValue <= Passage.limit else {
            inside.subtract(1, ordering: .relaxed)
            refused.add(1, ordering: .relaxed)
            return false
        }
        return true
    }

    func leave() { inside.subtract(1, ordering: .relaxed) }
}
