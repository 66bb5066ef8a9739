import DequeModule
import NIOCore
import SecamWire
import Synchronization

/// The newest state of an event, on its way to the viewers that follow it. All viewers share the bytes.
struct SharedEvent: Sendable {
    struct ID: Hashable, Sendable {
        let camera: UInt32
        let event: UInt64
    }

    /// Grows by one with each message about any event.
    let serial: UInt64
    let event: Event
    /// The whole EVENT message.
    let message: ByteBuffer

    var id: ID { ID(camera: event.flow, event: event.event.id) }
    /// When motion was last seen, UTC microseconds.
    var last: Int64 { event.event.last }
    var isOver: Bool { event.event.state == .end }
}

/// A cache of the newest state of each camera's latest events. Any thread.
final class EventCache: Sendable {
    /// Maximum events per camera.
    static let perCamera = 256

    private struct State {
        var serial: UInt64 = 0
        /// By camera, in the order in which they began.
        var events: [UInt32: Deque<SharedEvent>] = [:]
    }

    private let state = Mutex(State())

    /// Adds an event, or replaces its former state.
    ///
    /// - Parameter message: the whole EVENT message with the camera's number as its flow.
    func record(_ event: Event, _ message: ByteBuffer) -> SharedEvent {
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

    /// Returns the cameras' events that were not over before a time, ordered by their last motion.
    ///
    /// - Parameter time: UTC microseconds.
    /// - Returns: the events, and the serial of the last message that they include.
    func events(since time: Int64, of cameras: Set<UInt32>) -> (events: [SharedEvent], serial: UInt64) {
        // Filtered outside the lock, for which cameras' threads wait.
        let (events, serial) = state.withLock { ($0.events, $0.serial) }
        let found = cameras.flatMap { camera in events[camera, default: []].filter { $0.last >= time || !$0.isOver } }
        return (found.sorted { ($0.last, $0.serial) < ($1.last, $1.serial) }, serial)
    }

    /// Returns a camera's open events from before its restart. The camera will not end them.
    ///
    /// - Parameter incarnation: the camera's present incarnation.
    func orphans(of camera: UInt32, since incarnation: UInt64) -> [Event] {
        state.withLock { $0.events[camera, default: []] }.lazy.filter { !$0.isOver }.map(\.event)
            .filter { $0.incarnation != incarnation }
    }

    func forget(_ camera: UInt32) {
        state.withLock { $0.events[camera] = nil }
    }
}
