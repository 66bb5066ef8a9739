import SecamWire
import Synchronization

/// Running figures of all event loops together.
final class ViewerCounters: Sendable {
    let viewers = Atomic<UInt64>(0)
    let frames = Atomic<UInt64>(0)
    let bytes = Atomic<UInt64>(0)
    let skipped = Atomic<UInt64>(0)
    let refused = Atomic<UInt64>(0)

    var figures: [Figure] {
        [
            Figure(.viewers, viewers.load(ordering: .relaxed)),
            Figure(.framesToViewers, frames.load(ordering: .relaxed)),
            Figure(.bytesToViewers, bytes.load(ordering: .relaxed)),
            Figure(.framesSkipped, skipped.load(ordering: .relaxed)),
            Figure(.messagesRefused, refused.load(ordering: .relaxed)),
        ]
    }
}
