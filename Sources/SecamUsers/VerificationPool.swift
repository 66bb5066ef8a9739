import Dispatch
import SecamBase
import Synchronization

/// A pool of a few threads for blocking work, with a bounded queue in which keys take turns.
final class VerificationPool: Sendable {
    typealias Work = @Sendable () -> Void

    private struct State {
        var running = 0
        var waiting: FairQueue<String, Work>
    }

    private let width: Int
    private let state: Mutex<State>

    /// - Parameters:
    ///   - width: the number of threads.
    ///   - depth: maximum waiting work in each lane, a quarter of it of one key.
    init(width: Int, depth: Int) {
        precondition(width > 0 && depth >= 0, "VerificationPool: size out of range")
        self.width = width
        state = Mutex(State(waiting: FairQueue(laneLimit: depth, keyLimit: max(1, depth / 4))))
    }

    /// Runs or queues work.
    ///
    /// - Returns: false when the queue is full; `work` is then never called.
    func submit(key: String, lane: FairQueue<String, Work>.Lane, _ work: @escaping Work) -> Bool {
        let (isTaken, needsThread) = state.withLock { state in
            if state.running < width {
                state.running += 1
                return (true, true)
            }
            return (state.waiting.append(work, key: key, lane: lane), false)
        }
        if needsThread {
            DispatchQueue.global(qos: .utility).async { self.run(work) }
        }
        return isTaken
    }

    private func run(_ first: Work) {
        first()
        while let next = next() { next() }
    }

    private func next() -> Work? {
        state.withLock { state in
            let work = state.waiting.popFirst()
            if work == nil { state.running -= 1 }
            return work
        }
    }
}
