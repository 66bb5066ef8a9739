import Logging
import SecamBase
import SecamPolicy
import SecamWire
import Synchronization

/// The occasions that wait for one hook. They run one after the other, those of one camera in order, so that a start
/// comes before its end. Cameras take turns and each has a bounded queue of its own: a camera that tells many events
/// delays and displaces no other camera's. Conditions are apart from events, so that a camera's events do not displace
/// what the gateway says of it.
final class HookQueue: Sendable {
    /// Events of one camera that may wait, and conditions of it.
    static let limit = 64
    /// Occasions of all cameras that may wait.
    static let totalLimit = 4096
    /// Tries of what may pass, and seconds before the second one; each further one waits twice as long.
    static let tries = 6
    static let firstPause = 1.0

    private struct Source: Hashable {
        let name: Name
        let isCondition: Bool

        init(_ occasion: HookOccasion) {
            name = occasion.name
            isCondition = if case .condition = occasion.subject { true } else { false }
        }
    }

    private struct State {
        var waiting = FairQueue<Source, HookOccasion>(laneLimit: HookQueue.totalLimit, keyLimit: HookQueue.limit)
        var wake: CheckedContinuation<Void, Never>?
        var isStopped = false
    }

    let rule: HookRule
    private let logger: Logger
    private let state = Mutex(State())
    private let task = Mutex<Task<Void, Never>?>(nil)
    private let firstPause: Double

    /// - Parameter firstPause: seconds before the second try.
    init(_ rule: HookRule, logger: Logger, firstPause: Double = HookQueue.firstPause) {
        self.rule = rule
        self.logger = logger
        self.firstPause = firstPause
        let work = Task { [weak self] in
            while let occasion = await self?.next() { await self?.handle(occasion) }
        }
        task.withLock { $0 = work }
    }

    /// Queues an occasion. Where too many wait, the oldest one of its camera is given up.
    func add(_ occasion: HookOccasion) {
        let (wake, dropped) = state.withLock { state -> (CheckedContinuation<Void, Never>?, Source?) in
            guard !state.isStopped else { return (nil, nil) }
            let dropped = state.waiting.appendReplacing(occasion, key: Source(occasion))
            defer { state.wake = nil }
            return (state.wake, dropped)
        }
        wake?.resume()
        if let dropped {
            logger.warning(
                "hook event dropped",
                metadata: [
                    "hook": "\(rule.name)", "camera": "\(dropped.name)",
                    "reason": "the hook is too slow for what this camera tells",
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

    private func next() async -> HookOccasion? {
        while true {
            let (occasion, isStopped) = state.withLock { state in
                (state.waiting.popFirst(), state.isStopped)
            }
            if isStopped { return nil }
            if let occasion { return occasion }
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

    private func handle(_ occasion: HookOccasion) async {
        var pause = firstPause
        for attempt in 1...HookQueue.tries {
            do throws(HookFailure) {
                try await perform(occasion)
                return
            } catch {
                guard error.isPassing, attempt < HookQueue.tries, !Task.isCancelled else { return report(error) }
            }
            try? await Task.sleep(for: .seconds(pause))
            pause *= 2
        }
    }

    private func perform(_ occasion: HookOccasion) async throws(HookFailure) {
        switch rule.action {
        case .run(let arguments): try await CommandHook.run(arguments, occasion, seconds: rule.seconds)
        case .post(let address, let secretFile):
            try await Webhook.post(address, occasion, secretFile: secretFile, seconds: rule.seconds)
        }
    }

    private func report(_ failure: HookFailure) {
        guard !state.withLock({ $0.isStopped }) else { return }
        logger.warning("hook failed", metadata: ["hook": "\(rule.name)", "reason": "\(failure)"])
    }
}
