import CZeroMQ
import Glibc
import SecamBase
import Synchronization

/// The one thread on which a service's sockets live: it waits for all of them at once, and is the executor of the
/// actor that owns them, so that the compiler knows who may touch them.
///
/// Other threads hand work over with `post`, which keeps the order in which it was called.
@safe package final class MeshLoop: SerialExecutor, @unchecked Sendable {
    private enum Entry {
        case job(UnownedJob)
        case block(@Sendable () -> Void)
    }

    private struct Shared {
        var entries: [Entry] = []
        var isStopped = false
        var thread: pthread_t?
    }

    private let shared = Mutex(Shared())
    private let poller = SocketPoller()
    // Only the loop's own thread touches what follows.
    private var timers: [LoopTimer] = []
    /// Of the watched sockets that connect, by socket.
    private var connecting: [ObjectIdentifier: ConnectionGuard] = [:]
    private var connectingTimer: LoopTimer?
    private var activity = ProcessActivity()

    private static let connectingCheckInterval: Int64 = 100_000

    package init(name: String) {
        DedicatedThread.start { [self] in run() }
        post { unsafe secam_name_thread(name) }
    }

    // MARK: From any thread

    package func enqueue(_ job: consuming ExecutorJob) {
        let unowned = UnownedJob(job)
        add(.job(unowned))
    }

    /// Runs the block on the loop's thread, after what was posted before it.
    package func post(_ block: @escaping @Sendable () -> Void) {
        add(.block(block))
    }

    /// Ends the thread after what was posted so far.
    package func stop() {
        shared.withLock { $0.isStopped = true }
        poller.wake()
    }

    package func asUnownedSerialExecutor() -> UnownedSerialExecutor {
        unsafe UnownedSerialExecutor(ordinary: self)
    }

    package func checkIsolated() {
        precondition(isOnLoop, "not on the loop's thread")
    }

    package func isIsolatingCurrentContext() -> Bool? { isOnLoop }

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
        if wasEmpty { poller.wake() }
    }

    // MARK: On the loop's thread

    /// Calls `onReadable` whenever the socket has messages, until `unwatch`.
    package func watch(_ socket: MeshSocket, onReadable: @escaping () -> Void) {
        checkIsolated()
        socket.watch = unsafe poller.add(socket.handle, of: socket, onReadable: onReadable)
        guard let connections = socket.connections else { return }
        _ = unsafe poller.add(connections.monitor, of: socket) { [unowned connections] in connections.readMonitor() }
        if socket.listens {
            connections.start(makeTimer { [unowned connections] in connections.check() })
        } else {
            connecting[ObjectIdentifier(socket)] = connections
            scheduleConnectingCheck()
        }
    }

    package func watch(_ handler: ZAPHandler) {
        checkIsolated()
        _ = unsafe poller.add(handler.handle, of: handler) { [unowned handler] in handler.answerRequests() }
        handler.start(makeTimer { [unowned handler] in handler.answerDue() })
    }

    package func unwatch(_ socket: AnyObject) {
        checkIsolated()
        (socket as? MeshSocket)?.connections?.stop()
        connecting[ObjectIdentifier(socket)] = nil
        (socket as? ZAPHandler)?.stop()
        poller.remove(socket)
    }

    /// A timer that does nothing until it is scheduled.
    package func makeTimer(_ action: @escaping () -> Void) -> LoopTimer {
        checkIsolated()
        let timer = LoopTimer(action)
        timers.append(timer)
        return timer
    }

    private func scheduleConnectingCheck() {
        if connectingTimer == nil { connectingTimer = makeTimer { [unowned self] in checkConnecting() } }
        if connectingTimer?.isScheduled == false {
            connectingTimer?.schedule(afterMicroseconds: MeshLoop.connectingCheckInterval)
        }
    }

    /// One timer for all, since a gateway has several connections for each camera.
    private func checkConnecting() {
        guard !connecting.isEmpty else { return }
        if activity.isCheckDue(now: .now) {
            for connections in connecting.values { connections.checkAll(now: .now) }
        }
        scheduleConnectingCheck()
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
            poller.wait(milliseconds: shared.withLock { $0.entries.isEmpty } ? timeToNextTimer() : 0)
        }
        poller.removeAll()
        timers.removeAll()
        connecting.removeAll()
        connectingTimer = nil
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
package final class LoopTimer {
    fileprivate var deadline: MonotonicTime?
    fileprivate var isCancelled = false
    private var interval: Int64?
    private var action: (() -> Void)?

    fileprivate init(_ action: @escaping () -> Void) { self.action = action }

    package var isScheduled: Bool { deadline != nil }

    /// Fires once after that many microseconds; an earlier schedule is forgotten.
    package func schedule(afterMicroseconds delay: Int64) {
        deadline = MonotonicTime.now.advanced(byMicroseconds: delay)
        interval = nil
    }

    /// Fires again and again. When the loop was late, missed times are left out.
    package func schedule(everyMicroseconds period: Int64) {
        deadline = MonotonicTime.now.advanced(byMicroseconds: period)
        interval = period
    }

    /// Stays silent until it is scheduled again.
    package func pause() { deadline = nil }

    /// Never fires again and is forgotten by its loop.
    package func cancel() {
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
