import NIOCore
import Synchronization

/// The way from other threads to one event loop and its viewers.
///
/// A closed mailbox drops everything, because an event loop that was shut down must not be called.
final class EventLoopMailbox: Sendable {
    private struct State {
        var isOpen = true
        var frames: [FlowKey: SharedFrame] = [:]
        var isScheduled = false
    }

    let eventLoop: any EventLoop
    private let viewers: NIOLoopBound<EventLoopViewers>
    private let counters: ViewerCounters
    private let state = Mutex(State())

    /// Creates a mailbox. Called on the event loop.
    init(_ viewers: EventLoopViewers, eventLoop: any EventLoop, counters: ViewerCounters) {
        self.eventLoop = eventLoop
        self.viewers = NIOLoopBound(viewers, eventLoop: eventLoop)
        self.counters = counters
    }

    /// The loop's viewers. Used on the event loop only.
    var localViewers: EventLoopViewers { viewers.value }

    func execute(_ body: @escaping @Sendable () -> Void) {
        state.withLock { if $0.isOpen { eventLoop.execute(body) } }
    }

    func schedule(in delay: TimeAmount, _ body: @escaping @Sendable () -> Void) {
        state.withLock { if $0.isOpen { _ = eventLoop.scheduleTask(in: delay, body) } }
    }

    /// Runs `body` with this loop's viewers.
    func withViewers(_ body: @escaping @Sendable (EventLoopViewers) -> Void) {
        execute { [viewers] in body(viewers.value) }
    }

    /// Hands a frame to this loop's watchers. While the loop is busy, newer frames replace older ones, so that frames do
    /// not pile up.
    func deliver(_ frame: SharedFrame) {
        state.withLock { state in
            guard state.isOpen else { return }
            if let waiting = state.frames[frame.key] {
                counters.skipped.add(1, ordering: .relaxed)
                if waiting.serial > frame.serial { return }
            }
            state.frames[frame.key] = frame
            guard !state.isScheduled else { return }
            state.isScheduled = true
            eventLoop.execute { self.viewers.value.deliver(self.takeFrames()) }
        }
    }

    private func takeFrames() -> [FlowKey: SharedFrame] {
        state.withLock { state in
            state.isScheduled = false
            defer { state.frames = [:] }
            return state.frames
        }
    }

    func close() {
        state.withLock { $0 = State(isOpen: false) }
    }
}
