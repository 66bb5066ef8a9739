/// Frames that a flow with policy `every` will not deliver.
///
///     offset  size  field
///     0       4     flow
///     4       8     incarnation
///     12      8     first   first missing sequence number
///     20      8     last    last missing sequence number
///     28      1     reason
public struct Gap: WireMessage {
    public static let type = MessageType.gap
    public let flow: UInt32
    public let incarnation: UInt64
    public let missing: SequenceRange
    public let reason: GapReason

    public init(flow: UInt32, incarnation: UInt64, missing: SequenceRange, reason: GapReason) {
        self.flow = flow
        self.incarnation = incarnation
        self.missing = missing
        self.reason = reason
    }

    public init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
        flow = try reader.integer("flow", bytes)
        incarnation = try reader.integer("incarnation", bytes)
        let first = try reader.sequence("first", bytes)
        guard let range = SequenceRange(first, through: try reader.sequence("last", bytes)) else {
            throw .badValue(field: "last")
        }
        missing = range
        reason = try reader.choice("reason", bytes)
    }

    public func write(_ writer: inout WireWriter) {
        writer.integer(flow)
        writer.integer(incarnation)
        writer.integer(missing.first)
        writer.integer(missing.last)
        writer.choice(reason)
    }
}

public enum GapReason: UInt8, Sendable, CaseIterable {
    /// The consumer was slower than the ring is long.
    case overflow = 1
    /// No encoder took the frames in time, or the device's picture could not be encoded.
    case dropped = 2
}
