import SecamWire
import Synchronization

/// Counters of all event loops together.
final class ViewerCounters: Sendable {
    let viewers = Atomic<UInt64>(0)
    let frames = Atomic<UInt64>(0)
    let bytes = Atomic<UInt64>(0)
    let skipped = Atomic<UInt64>(0)
    /// Rejected messages, and refused connections.
    let messagesRejected = Atomic<UInt64>(0)

    /// Counts a live or recorded frame that was sent to a viewer.
    func recordFrame(byteCount: Int) {
        frames.add(1, ordering: .relaxed)
        bytes.add(UInt64(byteCount), ordering: .relaxed)
    }

    var figures: [Figure] {
        [
            Figure(.viewers, viewers.load(ordering: .relaxed)),
            Figure(.framesToViewers, frames.load(ordering: .relaxed)),
            Figure(.bytesToViewers, bytes.load(ordering: .relaxed)),
            Figure(.framesSkipped, skipped.load(ordering: .relaxed)),
            Figure(.messagesRefused, messagesRejected.load(ordering: .relaxed)),
        ]
    }
}
