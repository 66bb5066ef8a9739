// Generated from proto-spec/schema.json by `swift run secam-protocol`: do not edit.

/// CLOSE: Ends a flow, from either end.
///
///     offset  size  field
///     0       4     flow
///     4       1     reason
///     5       2+n   detail
package struct CloseFlow: WireMessage {
    package static let type = MessageType.closeFlow
    package let flow: UInt32
    package let reason: CloseReason
    /// Human-readable text.
    package let detail: String

    package init(flow: UInt32, reason: CloseReason, detail: String = "") {
        self.flow = flow
        self.reason = reason
        self.detail = detail
    }

    package init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
        flow = try reader.integer("flow", bytes)
        reason = try reader.choice("reason", bytes)
        detail = try reader.text("detail", limit: WireLimits.text, bytes)
    }

    package func write(_ writer: inout WireWriter) {
        writer.integer(flow)
        writer.choice(reason)
        writer.text(detail, limit: WireLimits.text)
    }
}
