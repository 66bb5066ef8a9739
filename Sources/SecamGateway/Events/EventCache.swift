import NIOCore
import SecamWire
import Synchronization

/// An event as it stands, on its way to every viewer who follows it: they all send the same bytes.
struct SharedEvent: Sendable {
    struct ID: Hashable, Sendable {
        let camera: UInt32
        let event: UInt64
    }

    /// Grows by one with everything that is told of any event.
    let serial: UInt64
    let event: Event
    /// The whole EVENT message.
    let message: ByteBuffer

    var id: ID { ID(camera: event.flow, event: event.event.id) }
    /// UTC microseconds of the last sign of it.
    var last: Int64 { event.event.last }
    var isOver: Bool { event.event.state == .end }
}

/// The newest state of each event that the gateway has been told of, as far back as it remembers. Any thread.
final class EventCache: Sendable {
    /// Events of one camera that are remembered.
    static let perCamera = 256

    private struct State {
        var serial: UInt64 = 0
        /// By camera, in the order of their beginnings.
        var events: [UInt32: [SharedEvent]] = [:]
    }

    private let state = Mutex(State())

    /// - Parameter message: the whole EVENT message with the camera's number as its flow.
    func note(_ event: Event, _ message: ByteBuffer) -> SharedEvent {
        state.withLock { state in
            state.serial += 1
            let shared = SharedEvent(serial: state.serial, event: event, message: message)
            var events = state.events[event.flow] ?? []
            if let index = events.lastIndex(where: { $0.id == shared.id }) {
                events[index] = shared
            } else {
                events.append(shared)
                if events.count > EventCache.perCamera { events.removeFirst() }
            }
            state.events[event.flow] = events
            return shared
        }
    }

    /// What is remembered, the longest without a sign first.
    ///
    /// - Parameters:
    ///   - time: UTC microseconds; events that were over before are left out.
    ///   - cameras: the numbers of those that are meant.
    /// - Returns: also the serial up to which these are all.
    func events(since time: Int64, of cameras: Set<UInt32>) -> (events: [SharedEvent], serial: UInt64) {
        // Looked through without the lock, since cameras' threads wait for it.
        let (events, serial) = state.withLock { ($0.events, $0.serial) }
        let found = cameras.flatMap { camera in events[camera, default: []].filter { $0.last >= time || !$0.isOver } }
        return (found.sorted { ($0.last, $0.serial) < ($1.last, $1.serial) }, serial)
    }

    /// Events of which nothing will be heard any more, since their camera has started anew.
    func orphans(of camera: UInt32, since incarnation: UInt64) -> [Event] {
        state.withLock { $0.events[camera, default: []] }.lazy.filter { !$0.isOver }.map(\.event)
            .filter { $0.incarnation != incarnation }
    }

    func forget(_ camera: UInt32) {
        state.withLock { $0.events[camera] = nil }
    }
}
