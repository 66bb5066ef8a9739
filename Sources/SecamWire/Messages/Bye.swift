/// The sender closes the connection after this message.
///
///     offset  type          field   meaning
///     0       u8 ByeReason  reason
///     1       text 1024     detail  human-readable text
package struct Bye: WireMessage {
    package static let type = MessageType.bye
    package let reason: ByeReason
    package let detail: String

    package init(reason: ByeReason, detail: String = "") {
        self.reason = reason
        self.detail = detail
    }

    package init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
        reason = try reader.choice("reason", bytes)
        detail = try reader.text("detail", limit: WireLimits.text, bytes)
    }

    package func write(_ writer: inout WireWriter) {
        writer.choice(reason)
        writer.text(detail, limit: WireLimits.text)
    }
}

package enum ByeReason: UInt8, Sendable, CaseIterable {
    /// The sender is done.
    case done = 1
    /// The gateway stops or restarts; reconnect later.
    case shutdown = 2
    /// The peer was silent for too long.
    case idle = 3
    /// A message broke the protocol.
    case malformed = 4
    /// Too many connections or requests.
    case overload = 5
    /// The user was removed, or the password or role changed.
    case revoked = 6
}
