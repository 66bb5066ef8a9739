/// The sender ends a flow.
///
///     offset  type            field   meaning
///     0       u32             flow
///     4       u8 CloseReason  reason
///     5       text 1024       detail  human-readable text
package struct CloseFlow: WireMessage {
    package static let type = MessageType.closeFlow
    package let flow: UInt32
    package let reason: CloseReason
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

package enum CloseReason: UInt8, Sendable, CaseIterable {
    /// The sender no longer needs the flow.
    case done = 1
    /// The camera does not know the flow, as after a restart; open it again.
    case unknownFlow = 2
    /// The sender's role does not permit the flow.
    case forbidden = 3
    /// A limit of the camera is reached.
    case tooMany = 4
    /// The sender stops for now; a group's cursor remains.
    case shutdown = 5
}
