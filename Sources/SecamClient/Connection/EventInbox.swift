import Dispatch
import SecamWire
import Synchronization

/// A bounded queue that carries events from the event loop to the handler's dispatch queue. The connection does not read
/// while the inbox is full, so a gateway that sends too much fills only its own socket.
final class EventInbox: Sendable {
    private static let eventLimit = 1024
    /// Bytes of all frames in the inbox.
    private static let byteLimit = 256 << 20

    private struct State: Sendable {
        var events: [(GatewayEvent, generation: Int)] = []
        var bytes = 0
        var isScheduled = false
    }

    /// Counts of handled frames, by connection (generation) and camera.
    typealias HandledFrames = [Int: [UInt32: UInt32]]

    private let state = Mutex(State())
    private let queue = DispatchQueue(label: "secam-view.events")
    private let handler: @Sendable (GatewayEvent) -> Void

    init(handler: @escaping @Sendable (GatewayEvent) -> Void) {
        self.handler = handler
    }

    var isFull: Bool {
        state.withLock { $0.events.count >= Self.eventLimit || $0.bytes >= Self.byteLimit }
    }

    /// - Parameters:
    ///   - generation: the number of the connection that the event came over.
    ///   - drained: called on the inbox's dispatch queue when the handler has handled all events in the inbox.
    func post(_ event: GatewayEvent, generation: Int, drained: @escaping @Sendable (HandledFrames) -> Void) {
        let mustSchedule = state.withLock { state in
            state.events.append((event, generation))
            switch event {
            case .frame(let frame), .replayed(let frame, _): state.bytes += frame.message.count
            default: break
            }
            defer { state.isScheduled = true }
            return !state.isScheduled
        }
        if mustSchedule { queue.async { self.drain(drained) } }
    }

    private func drain(_ drained: @Sendable (HandledFrames) -> Void) {
        let events = state.withLock { state in
            defer { state = State() }
            return state.events
        }
        var handled: HandledFrames = [:]
        for (event, generation) in events {
            handler(event)
            if case .frame(let frame) = event { handled[generation, default: [:]][frame.header.flow, default: 0] += 1 }
        }
        drained(handled)
    }

    /// Waits until the handler has handled every event posted before.
    func flush() {
        queue.sync {}
    }
}
