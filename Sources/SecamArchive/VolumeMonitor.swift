import Logging
import SecamBase
import SecamRecording

/// Tracks whether the volume can be written to, and logs and reports each change once.
///
/// While a camera is recorded, a failed write shows a fault at once. While nothing is recorded, only a probe does.
struct VolumeMonitor {
    private static let probeInterval = Duration.seconds(10)
    /// The interval of probes while the volume cannot be written to.
    private static let faultProbeInterval = Duration.seconds(1)

    private let configuration: RecordingStore.Configuration
    private let report: @Sendable (WriterReport) -> Void
    private var nextProbe = MonotonicTime.now
    /// The reason why nothing can be written; `nil` while the volume is writable.
    private(set) var fault: String?

    init(_ configuration: RecordingStore.Configuration, report: @escaping @Sendable (WriterReport) -> Void) {
        self.configuration = configuration
        self.report = report
    }

    var isProbeDue: Bool { MonotonicTime.now >= nextProbe }

    /// Delays the next probe after a successful write.
    mutating func recordWrite() { nextProbe = max(nextProbe, MonotonicTime.now + Self.probeInterval) }

    /// Records the result of a probe.
    ///
    /// - Parameter error: the reason why the volume is not writable; `nil` if it is.
    mutating func recordProbe(_ error: RecordingError?) {
        nextProbe = MonotonicTime.now + (error == nil ? Self.probeInterval : Self.faultProbeInterval)
        let reason = error.map { "\($0)" }
        guard reason != fault else { return }
        fault = reason
        if let reason {
            configuration.logger.error("recording stopped", metadata: ["reason": "\(reason)"])
        } else {
            configuration.logger.notice("recording resumed", metadata: ["folder": "\(configuration.index.folder.path)"])
        }
        report(.volumeFault(reason))
    }
}
