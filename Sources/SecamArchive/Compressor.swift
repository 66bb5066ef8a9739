import Glibc
import SecamBase
import SecamRecording
import Synchronization

/// The thread that compresses complete recordings, one after the other, at the lowest priority.
final class Compressor: Sendable {
    private let waiting = BlockingQueue<Compression>()
    private let isStopped: Stop

    private final class Stop: Sendable {
        let flag = Atomic<Bool>(false)
    }

    /// Starts the thread.
    ///
    /// - Parameter done: called on the compressing thread.
    init(done: @escaping @Sendable (Compression, Compression.Outcome) -> Void) {
        let (waiting, stop) = (waiting, Stop())
        isStopped = stop
        DedicatedThread.start {
            // On Linux, this sets the priority of the calling thread alone.
            setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 19)
            while case .element(let compression) = waiting.pop() {
                done(compression, compression.make { stop.flag.load(ordering: .relaxed) })
            }
        }
    }

    func add(_ compression: Compression) { waiting.push(compression) }

    /// Ends the thread. The next start of the archive compresses the remaining recordings.
    func stop() {
        isStopped.flag.store(true, ordering: .relaxed)
        waiting.close()
    }
}
