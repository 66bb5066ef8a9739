import SecamBase

/// Detects a camera whose frames arrive but do not become durable, whatever the cause. Failed writes are reported by the
/// writer; this finds the frames that it loses without a report.
struct DurabilityMonitor {
    /// Frames become durable within about a second; a busy disk takes longer.
    static let timeout = Duration.seconds(30)

    /// The arrival of the first frame since a frame last became durable; `nil` if none has arrived.
    private var firstFrame: MonotonicTime?

    /// Records the arrival of a frame that must become durable.
    mutating func recordFrame(now: MonotonicTime) {
        if firstFrame == nil { firstFrame = now }
    }

    /// Records that a frame became durable, or that none is awaited.
    mutating func reset() { firstFrame = nil }

    /// Whether frames have arrived for longer than the timeout and none has become durable.
    func isOverdue(now: MonotonicTime) -> Bool {
        firstFrame.map { now - $0 > DurabilityMonitor.timeout } ?? false
    }
}
