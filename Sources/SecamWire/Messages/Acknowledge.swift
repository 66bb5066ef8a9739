/// A consumer has made durable all frames of a flow up to this one: its group's cursor.
///
///     offset  size  field
///     0       4     flow
///     4       8     incarnation
///     12      8     sequence
public struct Acknowledge: WireMessage {
    public static let type = MessageType.acknowledge
    public let flow: UInt32
    public let incarnation: UInt64
    public let sequence: UInt64

    public init(flow: UInt32, incarnation: UInt64, sequence: UInt64) {
        self.flow = flow
        self.incarnation = incarnation
        self.sequence = sequence
    }

    public init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
        flow = try reader.integer("flow", bytes)
        incarnation = try reader.integer("incarnation", bytes)
        sequence = try reader.sequence("sequence", bytes)
    }

    public func write(_ writer: inout WireWriter) {
        writer.integer(flow)
        writer.integer(incarnation)
        writer.integer(sequence)
    }
}
