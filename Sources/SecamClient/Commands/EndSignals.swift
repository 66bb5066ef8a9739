import Dispatch
import Glibc
import Synchronization

/// Ends a session on the first SIGINT, SIGTERM or SIGHUP, and the program on the second.
struct EndSignals {
    private static let numbers = [SIGINT, SIGTERM, SIGHUP]
    private let sources: [any DispatchSourceSignal]

    init(_ session: LiveSession) {
        let isEnding = SignalFlag()
        sources = Self.numbers.map { number in
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler {
                guard isEnding.raise() else { _exit(128 + number) }
                session.end(.done)
            }
            source.resume()
            return source
        }
    }

    func stop() {
        for source in sources { source.cancel() }
    }
}

private final class SignalFlag: Sendable {
    private let isRaised = Atomic(false)

    /// - Returns: whether this call raised the flag.
    func raise() -> Bool {
        isRaised.compareExchange(expected: false, desired: true, ordering: .acquiringAndReleasing).exchanged
    }
}
