import UnixSignals

/// The SIGHUP signals of this process, with which an operator asks it to reload its files.
package enum HangupSignals {
    /// Calls `body` for each signal until cancelled.
    package static func forEach(_ body: () async -> Void) async {
        for await _ in await UnixSignalsSequence(trapping: .sighup) { await body() }
    }
}
