/// Frames that a flow with policy `every` will not deliver.
///
///     offset  type          field        meaning
///     0       u32           flow
///     4       u64           incarnation
///     12      u64           first        first missing sequence number
///     20      u64           last         last missing sequence number, not below first and at most 2⁴⁸
///     28      u8 GapReason  reason
///     29      i64           since        since version 2: UTC microseconds; the missing frames were captured after
///                                        this time
///     37      i64           until        since version 2: UTC microseconds; the missing frames were captured before
///                                        this time
package struct Gap: WireMessage {
    package static let type = MessageType.gap
    package static let version: UInt8 = 2
    package let flow: UInt32
    package let incarnation: UInt64
    package let missing: SequenceRange
    package let reason: GapReason
    /// The missing frames were captured after this time, UTC microseconds; the earliest valid time if unknown.
    package let since: Int64
    /// The missing frames were captured before this time, UTC microseconds; the latest valid time if unknown.
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
        let first = try reader.sequence("first", bytes)
        guard let range = SequenceRange(first, through: try reader.sequence("last", bytes)) else {
            throw .badValue(field: "last")
        }
        missing = range
        reason = try reader.choice("reason", bytes)
        since = reader.version >= 2 ? try reader.time("since", bytes) : WireLimits.times.lowerBound
        until = reader.version >= 2 ? try reader.time("until", bytes) : WireLimits.times.upperBound
    }

    package func write(_ writer: inout WireWriter) {
        writer.integer(flow)
        writer.integer(incarnation)
        writer.integer(missing.first)
        writer.integer(missing.last)
        writer.choice(reason)
        writer.integer(since)
        writer.integer(until)
    }
}

package enum GapReason: UInt8, Sendable, CaseIterable {
    /// The consumer lagged by more than the length of the ring.
    case overflow = 1
    /// No encoder accepted the frames in time, or none could encode them.
    case dropped = 2
    /// The frames left the ring and are in the spool. A flow with content `spooled` delivers them.
    case spooled = 3
}
