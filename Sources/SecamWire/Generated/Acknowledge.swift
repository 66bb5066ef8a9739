// Generated from proto-spec/schema.json by `swift run secam-protocol`: do not edit.

/// ACK: Tells a camera that the consumer has made all frames of the flow up to this one durable.
///
///     offset  size  field
///     0       4     flow
///     4       8     incarnation
///     12      8     sequence
package struct Acknowledge: WireMessage {
    package static let type = MessageType.acknowledge
    package let flow: UInt32
    package let incarnation: UInt64
    package let sequence: UInt64

    package init(flow: UInt32, incarnation: UInt64, sequence: UInt64) {
        self.flow = flow
        self.incarnation = incarnation
        self.sequence = sequence
    }

    package init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
        flow = try reader.integer("flow", bytes)
        incarnation = try reader.integer("incarnation", bytes)
        sequence = try reader.sequence("sequence", bytes)
    }

    package func write(_ writer: inout WireWriter) {
        writer.integer(flow)
        writer.integer(incarnation)
        writer.integer(sequence)
    }
}
