import Glibc
import SecamBase
import SecamRecording
import Synchronization

/// The thread that compresses complete recordings, one after the other, with what processor time nobody else wants.
final class Compressor: Sendable {
    private let waiting = BlockingQueue<Compression>()
    private let isStopped: Stop

    private final class Stop: Sendable {
        let flag = Atomic<Bool>(false)
    }

    /// - Parameter done: called on this thread.
    init(done: @escaping @Sendable (Compression, Compression.Outcome) -> Void) {
        let (waiting, stop) = (waiting, Stop())
        isStopped = stop
        DedicatedThread.start {
            // Of this thread alone: Linux gives each its own.
            setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 19)
            while case .element(let compression) = waiting.pop() {
                done(compression, compression.make { stop.flag.load(ordering: .relaxed) })
            }
        }
    }

    func add(_ compression: Compression) { waiting.push(compression) }

    /// What is not complete is left for the next start.
    func stop() {
        isStopped.flag.store(true, ordering: .relaxed)
        waiting.close()
    }
}
