import DequeModule
import SecamWire

/// A queue of the events that one viewer follows.
///
/// Only the newest state of each event waits, so that a viewer that does not read costs a bounded amount of memory.
struct EventSlots: Sendable {
    /// Maximum waiting events. Beyond it, the event that has waited longest is dropped.
    static let limit = 4096

    private struct Following {
        let live: Bool
        /// Empty for all cameras.
        let cameras: Set<UInt32>
        /// The serial of the last message that the history includes.
        let serial: UInt64
    }

    private var following: Following?
    private var waiting: [SharedEvent.ID: SharedEvent] = [:]
    /// The waiting events in the order of arrival.
    private var order: Deque<SharedEvent.ID> = []

    /// Replaces what the viewer follows, and queues the history.
    mutating func follow(_ message: Follow, history: [SharedEvent], serial: UInt64) {
        following = Following(
            live: message.live, cameras: Set(message.cameras.map(\.camera)), serial: serial)
        waiting = [:]
        order = []
        for event in history { enqueue(event) }
    }

    mutating func offer(_ event: SharedEvent) {
        guard let following, following.live, event.serial > following.serial,
            following.cameras.isEmpty || following.cameras.contains(event.id.camera)
        else { return }
        enqueue(event)
    }

    /// Removes and returns the event that has waited longest.
    mutating func popNext() -> SharedEvent? {
        order.popFirst().flatMap { waiting.removeValue(forKey: $0) }
    }

    var isEmpty: Bool { waiting.isEmpty }

    private mutating func enqueue(_ event: SharedEvent) {
        if waiting.updateValue(event, forKey: event.id) == nil { order.append(event.id) }
        if waiting.count > EventSlots.limit { _ = popNext() }
    }
}
