import Logging
import SecamBase
import SecamPolicy
import SecamWire
import Synchronization

/// A queue of the events of one hook. The hook runs for one event at a time, and for the events of a camera in order.
///
/// Cameras take turns, and each has a bounded queue of its own, so that a camera with many events neither delays nor
/// displaces other cameras' events. A camera's conditions have a separate queue, so that its events do not displace them.
final class HookQueue: Sendable {
    /// Maximum waiting events of one camera, and maximum waiting conditions.
    static let limit = 64
    /// Maximum waiting events of all cameras.
    static let totalLimit = 4096
    /// Attempts per event when failures are transient.
    static let attemptLimit = 6
    /// Pause before the second attempt. Each further pause is twice as long.
    static let firstPause = Duration.seconds(1)

    private struct Source: Hashable {
        let name: Name
        let isCondition: Bool

        init(_ event: HookEvent) {
            name = event.name
            isCondition = if case .condition = event.subject { true } else { false }
        }
    }

    private struct State {
        var waiting = FairQueue<Source, HookEvent>(laneLimit: HookQueue.totalLimit, keyLimit: HookQueue.limit)
        var wake: CheckedContinuation<Void, Never>?
        var isStopped = false
    }

    let rule: HookRule
    private let logger: Logger
    private let state = Mutex(State())
    private let task = Mutex<Task<Void, Never>?>(nil)
    private let firstPause: Duration

    /// Starts the hook's worker.
    init(_ rule: HookRule, logger: Logger, firstPause: Duration = HookQueue.firstPause) {
        self.rule = rule
        self.logger = logger
        self.firstPause = firstPause
        let work = Task { [weak self] in
            while let event = await self?.next() { await self?.handle(event) }
        }
        task.withLock { $0 = work }
    }

    /// Queues an event. When too many events wait, the oldest event of the camera with too many is dropped.
    func add(_ event: HookEvent) {
        let (wake, dropped) = state.withLock { state -> (CheckedContinuation<Void, Never>?, Source?) in
            guard !state.isStopped else { return (nil, nil) }
            let dropped = state.waiting.appendReplacing(event, key: Source(event))
            defer { state.wake = nil }
            return (state.wake, dropped)
        }
        wake?.resume()
        if let dropped {
            logger.warning(
                "hook event dropped",
                metadata: [
                    "hook": "\(rule.name)", "camera": "\(dropped.name)",
                    "reason": "queue full: the hook is slower than this camera's events",
                ])
        }
    }

    func stop() {
        let wake = state.withLock { state in
            state.isStopped = true
            state.waiting.removeAll()
            defer { state.wake = nil }
            return state.wake
        }
        wake?.resume()
        task.withLock { $0.take() }?.cancel()
    }

    private func next() async -> HookEvent? {
        while true {
            let (event, isStopped) = state.withLock { state in
                (state.waiting.popFirst(), state.isStopped)
            }
            if isStopped { return nil }
            if let event { return event }
            await withCheckedContinuation { continuation in
                let isReady = state.withLock { state in
                    guard state.waiting.isEmpty, !state.isStopped else { return true }
                    state.wake = continuation
                    return false
                }
                if isReady { continuation.resume() }
            }
        }
    }

    private func handle(_ event: HookEvent) async {
        var pause = firstPause
        for attempt in 1...HookQueue.attemptLimit {
            do throws(HookFailure) {
                try await runHook(for: event)
                return
            } catch {
                guard error.isTransient, attempt < HookQueue.attemptLimit, !Task.isCancelled else {
                    return report(error)
                }
            }
            try? await Task.sleep(for: pause)
            pause = pause * 2
        }
    }

    private func runHook(for event: HookEvent) async throws(HookFailure) {
        switch rule.action {
        case .run(let arguments): try await CommandHook.run(arguments, event, timeout: rule.timeout)
        case .post(let address, let secretFile):
            try await Webhook.post(address, event, secretFile: secretFile, timeout: rule.timeout)
        }
    }

    private func report(_ failure: HookFailure) {
        guard !state.withLock({ $0.isStopped }) else { return }
        logger.warning("hook failed", metadata: ["hook": "\(rule.name)", "reason": "\(failure)"])
    }
}
