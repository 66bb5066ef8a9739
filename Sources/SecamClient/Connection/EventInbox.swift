import Dispatch
import SecamWire
import Synchronization

/// Carries events from the event loop to the handler's own queue. It is bounded: while it is full, the connection is
/// not read from, so that a gateway that sends more than anybody asked for only fills its own socket.
final class EventInbox: Sendable {
    /// Events that may wait.
    private static let eventLimit = 1024
    /// Bytes of frames that may wait.
    private static let byteLimit = 256 << 20

    private struct State: Sendable {
        var events: [(GatewayEvent, generation: Int)] = []
        var bytes = 0
        var isScheduled = false
    }

    /// Frames that the handler has taken, by the connection that they came over.
    typealias Taken = [Int: [UInt32: UInt32]]

    private let state = Mutex(State())
    private let queue = DispatchQueue(label: "secam-view.events")
    private let handler: @Sendable (GatewayEvent) -> Void

    init(handler: @escaping @Sendable (GatewayEvent) -> Void) {
        self.handler = handler
    }

    var isFull: Bool {
        state.withLock { $0.events.count >= Self.eventLimit || $0.bytes >= Self.byteLimit }
    }

    /// - Parameter drained: called on the inbox's queue when the handler has seen everything that waited.
    func post(_ event: GatewayEvent, generation: Int, drained: @escaping @Sendable (Taken) -> Void) {
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

    private func drain(_ drained: @Sendable (Taken) -> Void) {
        let events = state.withLock { state in
            defer { state = State() }
            return state.events
        }
        var taken: Taken = [:]
        for (event, generation) in events {
            handler(event)
            if case .frame(let frame) = event { taken[generation, default: [:]][frame.header.flow, default: 0] += 1 }
        }
        drained(taken)
    }

    /// Waits until everything posted before was handled.
    func flush() {
        queue.sync {}
    }
}
