import NIOCore
import Synchronization

/// The way from other threads to one event loop and its viewers. Once it is closed, nothing goes through: a loop that
/// was shut down must not be called.
final class EventLoopMailbox: Sendable {
    private struct Mailbox {
        var isOpen = true
        var frames: [FlowKey: SharedFrame] = [:]
        var isScheduled = false
    }

    let eventLoop: any EventLoop
    private let table: NIOLoopBound<EventLoopViewers>
    private let counters: ViewerCounters
    private let mailbox = Mutex(Mailbox())

    /// On the event loop.
    init(_ table: EventLoopViewers, eventLoop: any EventLoop, counters: ViewerCounters) {
        self.eventLoop = eventLoop
        self.table = NIOLoopBound(table, eventLoop: eventLoop)
        self.counters = counters
    }

    /// On the event loop.
    var localTable: EventLoopViewers { table.value }

    func execute(_ body: @escaping @Sendable () -> Void) {
        mailbox.withLock { if $0.isOpen { eventLoop.execute(body) } }
    }

    func schedule(in delay: TimeAmount, _ body: @escaping @Sendable () -> Void) {
        mailbox.withLock { if $0.isOpen { _ = eventLoop.scheduleTask(in: delay, body) } }
    }

    /// Runs with this loop's viewers.
    func withTable(_ body: @escaping @Sendable (EventLoopViewers) -> Void) {
        execute { [table] in body(table.value) }
    }

    /// Hands a frame to this loop's watchers. When the loop is busy for longer than a frame lasts, the newer frame
    /// takes the older one's place here: nothing can pile up.
    func deliver(_ frame: SharedFrame) {
        mailbox.withLock { mailbox in
            guard mailbox.isOpen else { return }
            if let waiting = mailbox.frames[frame.key] {
                counters.skipped.add(1, ordering: .relaxed)
                if waiting.serial > frame.serial { return }
            }
            mailbox.frames[frame.key] = frame
            guard !mailbox.isScheduled else { return }
            mailbox.isScheduled = true
            eventLoop.execute { self.table.value.deliver(self.takeFrames()) }
        }
    }

    private func takeFrames() -> [FlowKey: SharedFrame] {
        mailbox.withLock { mailbox in
            mailbox.isScheduled = false
            defer { mailbox.frames = [:] }
            return mailbox.frames
        }
    }

    func close() {
        mailbox.withLock { $0 = Mailbox(isOpen: false) }
    }
}
