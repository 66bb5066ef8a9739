import UnixSignals

/// The SIGHUPs that this process receives, by which an operator asks it to read its files anew.
package enum HangupSignals {
    /// Calls `body` at each one until cancelled.
    package static func forEach(_ body: () async -> Void) async {
        for await _ in await UnixSignalsSequence(trapping: .sighup) { await body() }
    }
}
