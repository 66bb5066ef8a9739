// Generated from proto-spec/schema.json by `swift run secam-protocol`: do not edit.

/// GAP: Reports frames that a flow with policy `every` will not deliver.
///
///     offset  size  field
///     0       4     flow
///     4       8     incarnation
///     12      8     first
///     20      8     last
///     28      1     reason
///     29      8     since, since version 2
///     37      8     until, since version 2
package struct Gap: WireMessage {
    package static let type = MessageType.gap
    package static let version: UInt8 = 2
    package let flow: UInt32
    package let incarnation: UInt64
    /// Missing sequence numbers.
    package let missing: SequenceRange
    package let reason: GapReason
    /// UTC microseconds; the missing frames were captured after this time.
    package let since: Int64
    /// UTC microseconds; the missing frames were captured before this time.
    package let until: Int64

    package init(
        flow: UInt32, incarnation: UInt64, missing: SequenceRange, reason: GapReason,
        since: Int64 = WireLimits.times.lowerBound, until: Int64 = WireLimits.times.upperBound
    ) {
        self.flow = flow
        self.incarnation = incarnation
        self.missing = missing
        self.reason = reason
        self.since = since
        self.until = until
    }

    package init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
        flow = try reader.integer("flow", bytes)
        incarnation = try reader.integer("incarnation", bytes)
        missing = try SequenceRange(bytes, &reader)
        reason = try reader.choice("reason", bytes)
        if reader.version >= 2 {
            since = try reader.time("since", bytes)
            until = try reader.time("until", bytes)
        } else {
            since = WireLimits.times.lowerBound
            until = WireLimits.times.upperBound
        }
    }

    package func write(_ writer: inout WireWriter) {
        writer.integer(flow)
        writer.integer(incarnation)
        missing.write(&writer)
        writer.choice(reason)
        writer.integer(since)
        writer.integer(until)
    }
}
