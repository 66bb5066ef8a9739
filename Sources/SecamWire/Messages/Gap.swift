/// Frames that a flow with policy `every` will not deliver.
///
///     offset  size  field
///     0       4     flow
///     4       8     incarnation
///     12      8     first   first missing sequence number
///     20      8     last    last missing sequence number
///     28      1     reason
///     since version 2:
///     29      8     since   they were captured after this time, UTC microseconds; -2^61 when it is not known
///     37      8     until   and before this one; 2^61 when it is not known
package struct Gap: WireMessage {
    package static let type = MessageType.gap
    package static let version: UInt8 = 2
    package let flow: UInt32
    package let incarnation: UInt64
    package let missing: SequenceRange
    package let reason: GapReason
    /// The missing frames were captured after this time, UTC microseconds; the first possible one when it is not known.
    package let since: Int64
    /// And before this time, UTC microseconds; the last possible one when it is not known.
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
    /// The consumer was slower than the ring is long.
    case overflow = 1
    /// No encoder took the frames in time, or the device's picture could not be encoded.
    case dropped = 2
    /// They fell out of the ring, and the camera's service has kept them: a flow of what is spooled gives them.
    case spooled = 3
}
