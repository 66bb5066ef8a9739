/// A consumer has stored all frames of a flow up to this one durably, which moves its group's cursor.
///
///     offset  type  field
///     0       u32   flow
///     4       u64   incarnation
///     12      u64   sequence
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
