// Generated from proto-spec/schema.json by `swift run secam-protocol`: do not edit.

/// DENIED: Refuses a login.
///
///     offset  size  field
///     0       1     reason
///     1       1     reserved
///     2       4     wait
///     6       2+n   detail
package struct Denied: WireMessage {
    package static let type = MessageType.denied
    package let reason: DenialReason
    /// Seconds before another attempt can succeed, 0 for none.
    package let wait: UInt32
    /// Human-readable text.
    package let detail: String

    package init(reason: DenialReason, wait: UInt32, detail: String) {
        self.reason = reason
        self.wait = wait
        self.detail = detail
    }

    package init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
        reason = try reader.choice("reason", bytes)
        try reader.skip("reserved", count: 1)
        wait = try reader.integer("wait", bytes)
        detail = try reader.text("detail", limit: WireLimits.text, bytes)
    }

    package func write(_ writer: inout WireWriter) {
        writer.choice(reason)
        writer.zeros(1)
        writer.integer(wait)
        writer.text(detail, limit: WireLimits.text)
    }
}
