// Generated from proto-spec/schema.json by `swift run secam-protocol`: do not edit.

/// BYE: Ends a connection. The sender closes it after this message.
///
///     offset  size  field
///     0       1     reason
///     1       2+n   detail
package struct Bye: WireMessage {
    package static let type = MessageType.bye
    package let reason: ByeReason
    /// Human-readable text.
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
