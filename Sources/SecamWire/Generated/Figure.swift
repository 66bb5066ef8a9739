// Generated from proto-spec/schema.json by `swift run secam-protocol`: do not edit.

/// The value of one metric.
///
///     offset  size  field
///     0       2     metric
///     2       8     value
package struct Figure: SkippableWireElement, Sendable, Hashable {
    /// Value; others are skipped.
    package let metric: Metric
    package let value: UInt64

    package init(metric: Metric, value: UInt64) {
        self.metric = metric
        self.value = value
    }

    /// Returns `nil` for an entry that is to be skipped, because a value is unknown.
    static func read(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) -> Figure? {
        let metric = Metric(rawValue: try reader.integer("metric", bytes))
        let value = try reader.integer("value", as: UInt64.self, bytes)
        guard let metric else { return nil }
        return Figure(metric: metric, value: value)
    }

    func write(_ writer: inout WireWriter) {
        writer.choice(metric)
        writer.integer(value)
    }
}
