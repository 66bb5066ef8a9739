import Synchronization

/// A bound on the pictures in flight from the device's thread to the loop, which may be slow on a busy machine.
///
/// Beyond it, new pictures are dropped. It equals the bound on pictures that wait for an encoder.
final class InFlightLimit: Sendable {
    private struct State {
        var pictures = 0
        var bytes = 0
        var dropped: UInt64 = 0
    }

    private static let pictureLimit = 64
    private static let byteLimit = 64 << 20
    private let state = Mutex(State())

    /// Number of pictures that were dropped.
    var dropped: UInt64 { state.withLock(\.dropped) }

    /// Returns whether there is room for one more picture of this size. After `true` the caller must call `leave`.
    func enter(bytes: Int) -> Bool {
        state.withLock { state in
            let hasRoom =
                state.pictures == 0
                || (state.pictures < InFlightLimit.pictureLimit && state.bytes + bytes <= InFlightLimit.byteLimit)
            guard hasRoom else {
                state.dropped += 1
                return false
            }
            state.pictures += 1
            state.bytes += bytes
            return true
        }
    }

    func leave(bytes: Int) {
        state.withLock { state in
            state.pictures -= 1
            state.bytes -= bytes
        }
    }
}
