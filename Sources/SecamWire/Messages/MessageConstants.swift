extension Call {
    /// Bytes of a ticket.
    package static let ticketLength = WireLimits.ticket

    /// The bytes that a service sends to the relay before the ticket; no TLS connection begins with them.
    package static let preamble: [UInt8] = Array("secam-relay/1\n".utf8)
}

extension Hello {
    /// The name of the viewer protocol in ALPN.
    package static let applicationProtocol = "secam/1"
}

extension Replay {
    /// The bit that is set in a viewer's number of a replay.
    package static let flowBit: UInt32 = 1 << 31
}

extension Search {
    /// Entries of each kind that one answer has at most.
    package static let largestLimit = WireLimits.answer
}
