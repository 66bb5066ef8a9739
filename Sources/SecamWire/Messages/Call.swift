/// The registry asks a service that can only dial out to connect to the relay and show this ticket.
///
///     offset  type      field   meaning
///     0       bytes 32  ticket  valid for one connection to the relay, for 10 s
package struct Call: WireMessage {
    package static let type = MessageType.call
    package let ticket: [UInt8]

    /// Size of a ticket, bytes.
    package static let ticketLength = 32

    package init(ticket: [UInt8]) {
        precondition(ticket.count == Call.ticketLength)
        self.ticket = ticket
    }

    package init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
        ticket = try reader.bytes("ticket", count: Call.ticketLength, bytes)
    }

    package func write(_ writer: inout WireWriter) { writer.raw(ticket) }

    /// The bytes that a service sends to the relay before the ticket. No TLS connection begins with them.
    package static let preamble: [UInt8] = Array("secam-relay/1\n".utf8)
}
