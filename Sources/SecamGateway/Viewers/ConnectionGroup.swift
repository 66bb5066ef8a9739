import NIOCore
import Synchronization

/// The set of open connections, for a server that waits until they are closed.
final class ConnectionGroup: Sendable {
    private struct State {
        var open = 0
        var waiter: CheckedContinuation<Void, Never>?
    }

    private let state = Mutex(State())

    func add(_ channel: any Channel) {
        state.withLock { $0.open += 1 }
        channel.closeFuture.whenComplete { _ in
            let waiter = self.state.withLock { state -> CheckedContinuation<Void, Never>? in
                state.open -= 1
                guard state.open == 0 else { return nil }
                defer { state.waiter = nil }
                return state.waiter
            }
            waiter?.resume()
        }
    }

    /// Waits until all connections are closed. Called once, after the listener is closed.
    func allClosed() async {
        await withCheckedContinuation { continuation in
            let isEmpty = state.withLock { state in
                if state.open > 0 { state.waiter = continuation }
                return state.open == 0
            }
            if isEmpty { continuation.resume() }
        }
    }
}
