/// The sender closes the connection after this message.
///
///     offset  size  field
///     0       1     reason
///     1       2+n   detail  for people
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
    /// The gateway stops or starts anew; come back later.
    case shutdown = 2
    /// Nothing was heard for too long.
    case idle = 3
    /// A message broke the protocol.
    case malformed = 4
    /// Too many connections or requests.
    case overload = 5
    /// The user was removed, or the password or role changed.
    case revoked = 6
}
