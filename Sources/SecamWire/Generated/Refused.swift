// Generated from proto-spec/schema.json by `swift run secam-protocol`: do not edit.

/// REFUSED: Tells a service that the registry does not admit it.
///
///     offset  size  field
///     0       1     reason
///     1       2+n   detail
package struct Refused: WireMessage {
    package static let type = MessageType.refused
    package let reason: RefusalReason
    /// Human-readable text.
    package let detail: String

    package init(reason: RefusalReason, detail: String) {
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
