/// Somebody wants to speak with a service that can only dial out: it is to dial the relay and show this ticket.
///
///     offset  size  field
///     0       32    ticket  good for one connection, within ten seconds
package struct Call: WireMessage {
    package static let type = MessageType.call
    package let ticket: [UInt8]

    /// Bytes of a ticket.
    package static let ticketLength = 32

    package init(ticket: [UInt8]) {
        precondition(ticket.count == Call.ticketLength)
        self.ticket = ticket
    }

    package init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
        ticket = try reader.bytes("ticket", count: Call.ticketLength, bytes)
    }

    package func write(_ writer: inout WireWriter) { writer.raw(ticket) }

    /// What a service writes to the relay before the ticket; no TLS connection begins so.
    package static let preamble: [UInt8] = Array("secam-relay/1\n".utf8)
}
