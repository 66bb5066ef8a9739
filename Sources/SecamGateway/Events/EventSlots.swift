import SecamWire

/// The events that one viewer follows: which cameras', and what has not been sent yet. Of each event only the newest
/// state waits, so that a viewer that does not read costs a bounded amount of memory.
struct EventSlots: Sendable {
    /// Events that may wait; beyond, the longest waiting is dropped.
    static let limit = 4096

    private struct Following {
        let live: Bool
        /// Empty for all.
        let cameras: Set<UInt32>
        /// What was told up to here has been given already.
        let serial: UInt64
    }

    private var following: Following?
    private var waiting: [SharedEvent.ID: SharedEvent] = [:]
    private var order: [SharedEvent.ID] = []
    private var head = 0

    /// Whether events of some camera may be wanted from now on.
    var isLive: Bool { following?.live ?? false }

    /// Begins anew with what is remembered.
    mutating func follow(_ message: Follow, history: [SharedEvent], serial: UInt64) {
        following = Following(
            live: message.live, cameras: Set(message.cameras.map(\.camera)), serial: serial)
        waiting = [:]
        order = []
        head = 0
        for event in history { enqueue(event) }
    }

    mutating func offer(_ event: SharedEvent) {
        guard let following, following.live, event.serial > following.serial,
            following.cameras.isEmpty || following.cameras.contains(event.id.camera)
        else { return }
        enqueue(event)
    }

    /// The next event, out of its slot.
    mutating func take() -> SharedEvent? {
        while head < order.count {
            let id = order[head]
            head += 1
            if head > 64, head * 2 > order.count {
                order.removeFirst(head)
                head = 0
            }
            if let event = waiting.removeValue(forKey: id) { return event }
        }
        return nil
    }

    var isEmpty: Bool { waiting.isEmpty }

    private mutating func enqueue(_ event: SharedEvent) {
        if waiting.updateValue(event, forKey: event.id) == nil { order.append(event.id) }
        if waiting.count > EventSlots.limit { _ = take() }
    }
}
