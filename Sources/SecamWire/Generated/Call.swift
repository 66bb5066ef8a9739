// Generated from proto-spec/schema.json by `swift run secam-protocol`: do not edit.

/// CALL: Asks a relayed service to connect to the relay for a waiting peer.
///
///     offset  size  field
///     0       32    ticket
package struct Call: WireMessage {
    package static let type = MessageType.call
    /// Valid for one connection to the relay, for 10 s.
    package let ticket: [UInt8]

    package init(ticket: [UInt8]) {
        precondition(ticket.count == WireLimits.ticket)
        self.ticket = ticket
    }

    package init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
        ticket = try reader.bytes("ticket", count: WireLimits.ticket, bytes)
    }

    package func write(_ writer: inout WireWriter) {
        writer.raw(ticket)
    }
}
