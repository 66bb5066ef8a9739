import CZeroMQ
import Glibc
import SecamBase
import Synchronization

/// The thread that owns a service's sockets: it waits for all of them at once, and is the executor of the actor that
/// uses them, so the compiler checks who touches them.
///
/// Other threads hand over work with `post`, which keeps the order of the calls.
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
    // Only the loop's own thread uses the properties below.
    private var timers: [LoopTimer] = []
    /// The watched connecting sockets.
    private var connectingGuards: [ObjectIdentifier: ConnectionGuard] = [:]
    private var connectingTimer: LoopTimer?
    private var activity = ProcessActivity()

    private static let connectingCheckInterval = Duration.milliseconds(100)

    package init(name: String) {
        DedicatedThread.start { [self] in run() }
        post { unsafe secam_name_thread(name) }
    }

    // MARK: From any thread

    package func enqueue(_ job: consuming ExecutorJob) {
        let unowned = UnownedJob(job)
        add(.job(unowned))
    }

    /// Runs the block on the loop's thread, after all blocks posted before.
    package func post(_ block: @escaping @Sendable () -> Void) {
        add(.block(block))
    }

    /// Ends the thread after all blocks posted so far.
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
            // The block would never run, and never release the objects that it holds.
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
        guard let connectionGuard = socket.connectionGuard else { return }
        _ = unsafe poller.add(connectionGuard.monitor, of: socket) { [unowned connectionGuard] in
            connectionGuard.readMonitor()
        }
        if socket.listens {
            connectionGuard.start(makeTimer { [unowned connectionGuard] in connectionGuard.check() })
        } else {
            connectingGuards[ObjectIdentifier(socket)] = connectionGuard
            scheduleConnectingCheck()
        }
    }

    package func watch(_ handler: ZAPHandler) {
        checkIsolated()
        _ = unsafe poller.add(handler.handle, of: handler) { [unowned handler] in handler.answerRequests() }
        handler.start(makeTimer { [unowned handler] in handler.sendDueAnswers() })
    }

    package func unwatch(_ socket: AnyObject) {
        checkIsolated()
        (socket as? MeshSocket)?.connectionGuard?.stop()
        connectingGuards[ObjectIdentifier(socket)] = nil
        (socket as? ZAPHandler)?.stop()
        poller.remove(socket)
    }

    /// Returns a timer that is not scheduled yet.
    package func makeTimer(_ action: @escaping () -> Void) -> LoopTimer {
        checkIsolated()
        let timer = LoopTimer(action)
        timers.append(timer)
        return timer
    }

    private func scheduleConnectingCheck() {
        if connectingTimer == nil { connectingTimer = makeTimer { [unowned self] in checkConnecting() } }
        if connectingTimer?.isScheduled == false {
            connectingTimer?.schedule(after: MeshLoop.connectingCheckInterval)
        }
    }

    /// Checks all connecting sockets with one timer, since a gateway has several connections for each camera.
    private func checkConnecting() {
        guard !connectingGuards.isEmpty else { return }
        if activity.isCheckDue(now: .now) {
            for connectionGuard in connectingGuards.values { connectionGuard.checkAll(now: .now) }
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
            // A block may have stopped the loop, and what the callbacks belong to may be gone.
            if shared.withLock({ $0.isStopped }) { continue }
            runDueTimers()
            poller.wait(milliseconds: shared.withLock { $0.entries.isEmpty } ? timeToNextTimer() : 0)
        }
        poller.removeAll()
        timers.removeAll()
        connectingGuards.removeAll()
        connectingTimer = nil
    }

    private func runDueTimers() {
        timers.removeAll { $0.isCancelled }
        let now = MonotonicTime.now
        for timer in timers { timer.fireIfDue(now) }
    }

    /// Returns milliseconds, rounded up, because an early wake-up would find no timer due and spin; -1 without a timer.
    private func timeToNextTimer() -> Int {
        guard let next = timers.compactMap(\.deadline).min() else { return -1 }
        let microseconds = next.microseconds - MonotonicTime.now.microseconds
        return max(0, Int((microseconds + 999) / 1000))
    }
}

/// A timer of a `MeshLoop`, which calls its action once or periodically.
package final class LoopTimer {
    fileprivate var deadline: MonotonicTime?
    fileprivate var isCancelled = false
    private var interval: Duration?
    private var action: (() -> Void)?

    fileprivate init(_ action: @escaping () -> Void) { self.action = action }

    package var isScheduled: Bool { deadline != nil }

    /// Schedules one call after `delay`, in place of any earlier schedule.
    package func schedule(after delay: Duration) {
        deadline = MonotonicTime.now + delay
        interval = nil
    }

    /// Schedules calls at every multiple of `period`. A late loop skips the calls that it missed.
    package func schedule(every period: Duration) {
        deadline = MonotonicTime.now + period
        interval = period
    }

    /// Stops the calls until the timer is scheduled again.
    package func pause() { deadline = nil }

    /// Ends the timer for good and releases its action.
    package func cancel() {
        deadline = nil
        isCancelled = true
        action = nil
    }

    fileprivate func fireIfDue(_ now: MonotonicTime) {
        guard let due = deadline, due <= now else { return }
        deadline = interval.map { max(due + $0, now) }
        action?()
    }
}
