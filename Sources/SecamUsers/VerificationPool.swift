import Dispatch
import Synchronization

/// Runs blocking work on a bounded number of threads, with a bounded queue before them.
final class VerificationPool: Sendable {
    private struct State {
        var running = 0
        var waiting: [@Sendable () -> Void] = []
    }

    private let width: Int
    private let depth: Int
    private let state = Mutex(State())

    /// - Parameters:
    ///   - width: how much runs at once.
    ///   - depth: how much may wait besides.
    init(width: Int, depth: Int) {
        precondition(width > 0 && depth >= 0, "VerificationPool: size out of range")
        self.width = width
        self.depth = depth
    }

    /// - Returns: false when the queue is full; then `work` is never called.
    func submit(_ work: @escaping @Sendable () -> Void) -> Bool {
        let (isTaken, needsThread) = state.withLock { state in
            if state.running < width {
                state.running += 1
                return (true, true)
            }
            guard state.waiting.count < depth else { return (false, false) }
            state.waiting.append(work)
            return (true, false)
        }
        if needsThread {
            DispatchQueue.global(qos: .utility).async { self.run(work) }
        }
        return isTaken
    }

    private func run(_ first: @Sendable () -> Void) {
        first()
        while let next = next() { next() }
    }

    private func next() -> (@Sendable () -> Void)? {
        state.withLock { state in
            if state.waiting.isEmpty {
                state.running -= 1
                return nil
            }
            return state.waiting.removeFirst()
        }
    }
}
