// Generated from proto-spec/schema.json by `swift run secam-protocol`: do not edit.

/// BEAT: Shows that its sender is alive, once a second, and carries its figures.
///
///     offset  size  field
///     0       8     incarnation
///     8       2     count of figures
///     ..      2     count of failing, since version 2
///     ..      2     count of causes, since version 3; for each:
///     +0      2     metric
///     +2      2+n   detail
package struct Beat: WireMessage {
    package static let type = MessageType.beat
    package static let version: UInt8 = 3
    /// Incarnation of the sender.
    package let incarnation: UInt64
    /// See types.md; may be empty.
    package let figures: [Figure]
    /// Names of cameras that an archive should record but cannot.
    package let failing: [Name]
    /// Reasons for figures that report problems.
    package let causes: [Cause]

    package init(incarnation: UInt64, figures: [Figure], failing: [Name] = [], causes: [Cause] = []) {
        self.incarnation = incarnation
        self.figures = figures
        self.failing = Array(failing.prefix(WireLimits.failingCameras))
        self.causes = Array(causes.prefix(WireLimits.causesOfMember))
    }

    package init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
        incarnation = try reader.integer("incarnation", bytes)
        figures = try reader.knownEntries("count", limit: WireLimits.figures, bytes)
        if reader.version >= 2 {
            failing = try reader.list("count", limit: WireLimits.failingCameras, bytes)
        } else {
            failing = []
        }
        if reader.version >= 3 {
            causes = try reader.knownEntries("count", limit: WireLimits.causesOfMember, bytes)
        } else {
            causes = []
        }
    }

    package func write(_ writer: inout WireWriter) {
        writer.integer(incarnation)
        writer.list(figures)
        writer.list(failing)
        writer.list(causes)
    }
}

/// An entry of `causes`.
package struct Cause: SkippableWireElement, Sendable, Hashable {
    /// The figure; unknown metrics are skipped.
    package let metric: Metric
    /// Human-readable text.
    package let detail: String

    package init(metric: Metric, detail: String) {
        self.metric = metric
        self.detail = detail
    }

    /// Returns `nil` for an entry that is to be skipped, because a value is unknown.
    static func read(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) -> Cause? {
        let metric = Metric(rawValue: try reader.integer("metric", bytes))
        let detail = try reader.text("detail", limit: WireLimits.text, bytes)
        guard let metric else { return nil }
        return Cause(metric: metric, detail: detail)
    }

    func write(_ writer: inout WireWriter) {
        writer.choice(metric)
        writer.text(detail, limit: WireLimits.text)
    }
}
