// Generated from proto-spec/schema.json by `swift run secam-protocol`: do not edit.

/// OPEN: Opens a flow at a camera, or replaces the open flow with this number.
///
///     offset  size  field
///     0       4     flow
///     4       1     content
///     5       1     policy
///     6       1     start
///     7       1     reserved
///     8       8     incarnation
///     16      8     position
///     24      4     credit
///     28      4     interval
///     32      2+n   group
package struct OpenFlow: WireMessage {
    package static let type = MessageType.openFlow
    /// Number chosen by the consumer, unique among the flows of its connection.
    package let flow: UInt32
    /// A rendition, events, or spooled frames.
    package let content: FlowContent
    package let policy: FlowPolicy
    /// First frame of the flow.
    package let start: FlowStart
    /// Frames that the camera may send at once; at most 1024.
    package let credit: UInt32
    /// Minimum microseconds between the timestamps of two frames; 0 for all frames.
    package let interval: UInt32
    /// Group for start `acknowledged` and for ACK; empty for none.
    package let group: String

    package init(
        flow: UInt32, content: FlowContent, policy: FlowPolicy, start: FlowStart, credit: UInt32, interval: UInt32 = 0,
        group: String = ""
    ) {
        self.flow = flow
        self.content = content
        self.policy = policy
        self.start = start
        self.credit = credit
        self.interval = interval
        self.group = group
    }

    package init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
        flow = try reader.integer("flow", bytes)
        content = try reader.choice("content", bytes)
        policy = try reader.choice("policy", bytes)
        start = try FlowStart(bytes, &reader)
        credit = try reader.integer("credit", bytes)
        guard credit <= WireLimits.credit else { throw .badValue(field: "credit") }
        interval = try reader.integer("interval", bytes)
        group = try reader.text("group", limit: WireLimits.name, bytes)
    }

    package func write(_ writer: inout WireWriter) {
        writer.integer(flow)
        writer.choice(content)
        writer.choice(policy)
        start.write(&writer)
        writer.integer(credit)
        writer.integer(interval)
        writer.text(group, limit: WireLimits.name)
    }
}
