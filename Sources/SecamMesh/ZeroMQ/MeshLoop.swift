internal import CZeroMQ
internal import Glibc
internal import SecamConfig
internal import Synchronization

/// The one thread on which a service's sockets live: it waits for all of them at once, and is the executor of the
/// actor that owns them, so that the compiler knows who may touch them.
///
/// Other threads hand work over with `post`, which keeps the order in which it was called.
@safe public final class MeshLoop: SerialExecutor, @unchecked Sendable {
    private enum Entry {
        case job(UnownedJob)
        case block(@Sendable () -> Void)
    }

    private struct Shared {
        var entries: [Entry] = []
        var isStopped = false
        var thread: pthread_t?
    }

    @safe private struct Watched {
        /// Kept, so that it is not closed while the loop polls it.
        let owner: AnyObject
        let handle: UnsafeMutableRawPointer
        let onReadable: () -> Void
    }

    private let shared = Mutex(Shared())
    private let wakeDescriptor: Int32
    // Only the loop's own thread touches what follows.
    private var watched: [Watched] = []
    private var items: [zmq_pollitem_t] = unsafe []
    private var timers: [LoopTimer] = []

    public init(name: String) {
        wakeDescriptor = secam_eventfd()
        precondition(wakeDescriptor >= 0, "no file descriptor is free")
        DedicatedThread.start { [self] in run() }
        post { unsafe secam_name_thread(name) }
    }

    deinit { close(wakeDescriptor) }

    // MARK: From any thread

    public func enqueue(_ job: consuming ExecutorJob) {
        let unowned = UnownedJob(job)
        add(.job(unowned))
    }

    /// Runs the block on the loop's thread, after what was posted before it.
    public func post(_ block: @escaping @Sendable () -> Void) {
        add(.block(block))
    }

    /// Ends the thread after what was posted so far.
    public func stop() {
        shared.withLock { $0.isStopped = true }
        wake()
    }

    public func asUnownedSerialExecutor() -> UnownedSerialExecutor {
        unsafe UnownedSerialExecutor(ordinary: self)
    }

    public func checkIsolated() {
        precondition(isOnLoop, "not on the loop's thread")
    }

    public func isIsolatingCurrentContext() -> Bool? { isOnLoop }

    private var isOnLoop: Bool {
        shared.withLock { state in
            state.thread.map { pthread_equal($0, pthread_self()) != 0 } ?? false
        }
    }

    private func add(_ entry: Entry) {
        let wasEmpty = shared.withLock { state in
            // Nobody would run it any more, and what it holds would never be let go.
            if state.isStopped, case .block = entry { return false }
            state.entries.append(entry)
            return state.entries.count == 1
        }
        if wasEmpty { wake() }
    }

    private func wake() {
        var one: UInt64 = 1
        _ = unsafe write(wakeDescriptor, &one, 8)
    }

    // MARK: On the loop's thread

    /// Calls `onReadable` whenever the socket has messages, until `unwatch`.
    public func watch(_ socket: MeshSocket, onReadable: @escaping () -> Void) {
        unsafe watch(socket.handle, socket, onReadable)
    }

    public func watch(_ handler: ZAPHandler) {
        unsafe watch(handler.handle, handler) { [unowned handler] in handler.answerRequests() }
    }

    public func unwatch(_ socket: AnyObject) {
        checkIsolated()
        watched.removeAll { $0.owner === socket }
        unsafe items.removeAll()
    }

    /// A timer that does nothing until it is scheduled.
    public func makeTimer(_ action: @escaping () -> Void) -> LoopTimer {
        checkIsolated()
        let timer = LoopTimer(action)
        timers.append(timer)
        return timer
    }

    private func watch(
        _ handle: UnsafeMutableRawPointer, _ owner: AnyObject, _ onReadable: @escaping () -> Void
    ) {
        checkIsolated()
        unsafe watched.append(Watched(owner: owner, handle: handle, onReadable: onReadable))
        unsafe items.removeAll()
    }

    private func run() {
        shared.withLock { $0.thread = pthread_self() }
        while true {
            let (entries, isStopped) = shared.withLock { state in
                defer { state.entries.removeAll(keepingCapacity: true) }
                return (state.entries, state.isStopped)
            }
            for entry in entries {
                switch entry {
                case .job(let job): unsafe job.runSynchronously(on: asUnownedSerialExecutor())
                case .block(let block): block()
                }
            }
            guard !isStopped else { break }
            runDueTimers()
            poll(milliseconds: shared.withLock { $0.entries.isEmpty } ? timeToNextTimer() : 0)
        }
        watched.removeAll()
        timers.removeAll()
    }

    private func poll(milliseconds: Int) {
        if unsafe items.count != watched.count + 1 {
            unsafe items = [zmq_pollitem_t(socket: nil, fd: wakeDescriptor, events: Int16(ZMQ_POLLIN), revents: 0)]
            for entry in watched {
                unsafe items.append(
                    zmq_pollitem_t(socket: entry.handle, fd: 0, events: Int16(ZMQ_POLLIN), revents: 0))
            }
        }
        let ready = unsafe zmq_poll(&items, Int32(items.count), milliseconds)
        guard ready >= 0 || zmq_errno() == EINTR else {
            preconditionFailure("a socket was closed while it was watched: \(lastZeroMQError())")
        }
        guard ready > 0 else { return }
        if unsafe items[0].revents != 0 {
            var count: UInt64 = 0
            _ = unsafe read(wakeDescriptor, &count, 8)
        }
        // A handler may add or remove sockets, so what is ready is noted first.
        let entries = watched.indices.filter { unsafe items[$0 + 1].revents != 0 }.map { watched[$0] }
        for entry in entries where isWatched(entry.owner) { entry.onReadable() }
    }

    private func isWatched(_ owner: AnyObject) -> Bool {
        watched.contains { $0.owner === owner }
    }

    private func runDueTimers() {
        timers.removeAll { $0.isCancelled }
        let now = MonotonicTime.now
        for timer in timers { timer.fireIfDue(now) }
    }

    /// Milliseconds, rounded up, as an early wake-up would find nothing due and spin.
    private func timeToNextTimer() -> Int {
        guard let next = timers.compactMap(\.deadline).min() else { return -1 }
        let microseconds = next.microseconds - MonotonicTime.now.microseconds
        return max(0, Int((microseconds + 999) / 1000))
    }
}

/// Calls an action of its loop at a time, once or again and again.
public final class LoopTimer {
    fileprivate var deadline: MonotonicTime?
    fileprivate var isCancelled = false
    private var interval: Int64?
    private var action: (() -> Void)?

    fileprivate init(_ action: @escaping () -> Void) { self.action = action }

    public var isScheduled: Bool { deadline != nil }

    /// Fires once after that many microseconds; an earlier schedule is forgotten.
    public func schedule(afterMicroseconds delay: Int64) {
        deadline = MonotonicTime.now.advanced(byMicroseconds: delay)
        interval = nil
    }

    /// Fires again and again. When the loop was late, missed times are left out.
    public func schedule(everyMicroseconds period: Int64) {
        deadline = MonotonicTime.now.advanced(byMicroseconds: period)
        interval = period
    }

    /// Stays silent until it is scheduled again.
    public func pause() { deadline = nil }

    /// Never fires again and is forgotten by its loop.
    public func cancel() {
        deadline = nil
        isCancelled = true
        action = nil
    }

    fileprivate func fireIfDue(_ now: MonotonicTime) {
        guard let due = deadline, due <= now else { return }
        deadline = interval.map { max(due.advanced(byMicroseconds: $0), now) }
        action?()
    }
}
