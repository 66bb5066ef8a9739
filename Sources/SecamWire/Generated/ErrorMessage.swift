// Generated from proto-spec/schema.json by `swift run secam-protocol`: do not edit.

/// ERROR: Tells a viewer that the gateway cannot do what a message requested. The connection stays open.
///
///     offset  size  field
///     0       2     code
///     2       2+n   detail
package struct ErrorMessage: WireMessage {
    package static let type = MessageType.error
    package let code: ErrorCode
    /// Human-readable text.
    package let detail: String

    package init(code: ErrorCode, detail: String) {
        self.code = code
        self.detail = detail
    }

    package init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
        code = try reader.choice("code", bytes)
        detail = try reader.text("detail", limit: WireLimits.text, bytes)
    }

    package func write(_ writer: inout WireWriter) {
        writer.choice(code)
        writer.text(detail, limit: WireLimits.text)
    }
}
