/// Either end ends a flow.
///
///     offset  size  field
///     0       4     flow
///     4       1     reason
///     5       2+n   detail  for people
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
    /// The sender needs it no more.
    case done = 1
    /// The camera knows no such flow, as after its restart; open it anew.
    case unknownFlow = 2
    /// The sender's role may not have this.
    case forbidden = 3
    /// A limit of the camera is reached.
    case tooMany = 4
    /// The camera stops.
    case shutdown = 5
}
