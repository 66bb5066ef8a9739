import Synchronization

/// Bounds the pictures on their way from the device's thread to the loop, which may have to wait for a processor: they
/// take no more memory than pictures that wait for an encoder may, and beyond that new ones are left out.
final class InFlightLimit: Sendable {
    private struct State {
        var pictures = 0
        var bytes = 0
        var turnedAway: UInt64 = 0
    }

    private static let mostPictures = 64
    private static let mostBytes = 64 << 20
    private let state = Mutex(State())

    /// Pictures that were left out.
    var turnedAway: UInt64 { state.withLock(\.turnedAway) }

    /// Whether there is room for one more of this size; whoever gets `true` must `leave`.
    func enter(bytes: Int) -> Bool {
        state.withLock { state in
            let hasRoom =
                state.pictures == 0
                || (state.pictures < InFlightLimit.mostPictures && state.bytes + bytes <= InFlightLimit.mostBytes)
            guard hasRoom else {
                state.turnedAway += 1
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
