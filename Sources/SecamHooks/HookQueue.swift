import Logging
import SecamPolicy
import SecamWire
import Synchronization

/// One hook's line of occasions: one after the other, so that a start comes before its end, and bounded, so that a hook
/// that hangs costs memory for some events and nothing else.
final class HookQueue: Sendable {
    /// Occasions that may wait.
    static let limit = 64
    /// Tries of what may pass, and seconds before the second one; each further one waits twice as long.
    static let tries = 6
    static let firstPause = 1.0

    private struct State {
        var waiting: [HookOccasion] = []
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

    /// Puts an occasion at the end of the line; when that is full, the oldest one is given up.
    func add(_ occasion: HookOccasion) {
        let (wake, isFull) = state.withLock { state -> (CheckedContinuation<Void, Never>?, Bool) in
            guard !state.isStopped else { return (nil, false) }
            state.waiting.append(occasion)
            let isFull = state.waiting.count > HookQueue.limit
            if isFull { state.waiting.removeFirst() }
            defer { state.wake = nil }
            return (state.wake, isFull)
        }
        wake?.resume()
        if isFull {
            logger.warning("hook event dropped", metadata: ["hook": "\(rule.name)", "reason": "the hook is too slow"])
        }
    }

    func stop() {
        let wake = state.withLock { state in
            state.isStopped = true
            state.waiting = []
            defer { state.wake = nil }
            return state.wake
        }
        wake?.resume()
        task.withLock { $0.take() }?.cancel()
    }

    private func next() async -> HookOccasion? {
        while true {
            let (occasion, isStopped) = state.withLock { state in
                (state.waiting.isEmpty ? nil : state.waiting.removeFirst(), state.isStopped)
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
