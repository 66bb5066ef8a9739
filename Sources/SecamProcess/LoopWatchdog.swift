import Glibc
import Logging
import SecamBase
import Synchronization

/// Ends the process when one of its event loops hangs, so that its supervisor restarts it.
///
/// A thread of its own polls every loop at equal intervals. A loop hangs when it answers no poll within the time limit.
/// The watchdog counts its own rounds and never compares clocks: while the process is stopped (SIGSTOP, a frozen
/// container, a debugger) or the machine is suspended, no rounds pass, so neither looks like a hang.
package final class LoopWatchdog: Sendable {
    /// The watchdog of this process. It is inactive until `start`.
    package static let shared = LoopWatchdog()

    /// Number of rounds without an answer that count as a hang.
    static let roundLimit = 6

    private let watches = Mutex<[LoopWatch]>([])

    init() {}

    /// Watches a loop until `LoopWatch.end`.
    ///
    /// - Parameters:
    ///   - name: the loop's name, for the log.
    ///   - post: runs a block on the loop. The watchdog calls it on its own thread.
    package func watch(_ name: String, post: @escaping LoopWatch.Post) -> LoopWatch {
        let watch = LoopWatch(name, post: post)
        watches.withLock { watches in
            watches.removeAll(where: \.isEnded)
            watches.append(watch)
        }
        return watch
    }

    /// Starts the watchdog's thread, once in a process.
    ///
    /// - Parameters:
    ///   - program: the label of the log line.
    ///   - limit: time without an answer after which the process ends with `ExitStatus.software`.
    func start(program: String, limit: Duration) {
        let pause = UInt32(limit / .microseconds(1)) / UInt32(LoopWatchdog.roundLimit)
        DedicatedThread.start { [self] in
            while true {
                usleep(pause)
                guard let loop = findHang() else { continue }
                LoopWatchdog.end(program, loop: loop, limit: limit)
            }
        }
    }

    /// Runs one round: collects the answers to the previous round's polls, and polls again.
    ///
    /// - Returns: the name of a loop that hangs.
    func findHang() -> String? {
        let watches = watches.withLock { $0 }
        return watches.first { $0.missedRounds() >= LoopWatchdog.roundLimit }?.name
    }

    private static func end(_ program: String, loop: String, limit: Duration) -> Never {
        // The loop may hang because standard error is blocked, which would block this thread too.
        let isLogging = DedicatedThread.startIfPossible {
            Logger.lines(program).critical(
                "event loop stalled", metadata: ["loop": "\(loop)", "seconds": "\(limit.components.seconds)"])
            _exit(ExitStatus.software.rawValue)
        }
        if isLogging { sleep(1) }
        _exit(ExitStatus.software.rawValue)
    }
}

/// An event loop that a `LoopWatchdog` watches.
package final class LoopWatch: Sendable {
    /// Runs a block on the loop.
    package typealias Post = @Sendable (@escaping @Sendable () -> Void) -> Void

    let name: String
    private let state: Mutex<State>

    private struct State {
        var post: Post?
        var isAnswered = true
        var missed = 0
    }

    fileprivate init(_ name: String, post: @escaping Post) {
        self.name = name
        state = Mutex(State(post: post))
    }

    fileprivate var isEnded: Bool { state.withLock { $0.post == nil } }

    /// Ends the watching. Call it before the loop ends.
    package func end() { state.withLock { $0.post = nil } }

    /// Polls the loop again if it has answered.
    ///
    /// - Returns: the number of rounds since its last answer.
    fileprivate func missedRounds() -> Int {
        let (missed, post) = state.withLock { state -> (Int, Post?) in
            guard state.post != nil else { return (0, nil) }
            guard state.isAnswered else {
                state.missed += 1
                return (state.missed, nil)
            }
            state.isAnswered = false
            state.missed = 0
            return (0, state.post)
        }
        // Outside the lock, since the loop may run the block at once.
        post? { [self] in state.withLock { $0.isAnswered = true } }
        return missed
    }
}
