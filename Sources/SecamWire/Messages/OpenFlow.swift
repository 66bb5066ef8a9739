/// A consumer opens a flow, or replaces it by one with the same number.
///
///     offset  type            field        meaning
///     0       u32             flow         number chosen by the consumer, unique among the flows of its connection
///     4       u8 FlowContent  content      a rendition, or events
///     5       u8 FlowPolicy   policy
///     6       u8 FlowStart    start
///     7       zero 1          reserved
///     8       u64             incarnation  for start sequence: the incarnation that position belongs to; else 0 and
///                                          ignored
///     16      u64             position     a sequence number, a time, or 0
///     24      u32             credit       frames that the camera may send at once; at most 1024
///     28      u32             interval     minimum microseconds between the timestamps of two frames; 0 for all frames
///     32      text 64         group        group for start acknowledged and for ACK; empty for none
package struct OpenFlow: WireMessage {
    package static let type = MessageType.openFlow
    package let flow: UInt32
    package let content: FlowContent
    package let policy: FlowPolicy
    package let start: FlowStart
    package let credit: UInt32
    /// Minimum interval of two frames, microseconds; 0 for all frames.
    package let interval: UInt32
    package let group: String

    package init(
        flow: UInt32, content: FlowContent, policy: FlowPolicy, start: FlowStart, credit: UInt32,
        interval: UInt32 = 0, group: String = ""
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
        let kind = try reader.integer("start", as: UInt8.self, bytes)
        try reader.skip("reserved", count: 1)
        let incarnation = try reader.integer("incarnation", as: UInt64.self, bytes)
        let position = try reader.integer("position", as: UInt64.self, bytes)
        switch kind {
        case 1: start = .live
        case 2: start = .sequence(incarnation: incarnation, min(position, WireLimits.sequence))
        case 3: start = .time(WireLimits.times.clamping(Int64(bitPattern: position)))
        case 4: start = .acknowledged
        default: throw .badValue(field: "start")
        }
        credit = try reader.integer("credit", bytes)
        guard credit <= WireLimits.credit else { throw .badValue(field: "credit") }
        interval = try reader.integer("interval", bytes)
        group = try reader.text("group", limit: WireLimits.name, bytes)
    }

    package func write(_ writer: inout WireWriter) {
        writer.integer(flow)
        writer.choice(content)
        writer.choice(policy)
        let (kind, incarnation, position): (UInt8, UInt64, UInt64) =
            switch start {
            case .live: (1, 0, 0)
            case .sequence(let incarnation, let sequence): (2, incarnation, sequence)
            case .time(let microseconds): (3, 0, UInt64(bitPattern: microseconds))
            case .acknowledged: (4, 0, 0)
            }
        writer.integer(kind)
        writer.integer(UInt8(0))
        writer.integer(incarnation)
        writer.integer(position)
        writer.integer(credit)
        writer.integer(interval)
        writer.text(group, limit: WireLimits.name)
    }
}

/// The first frame of a flow.
package enum FlowStart: Sendable, Hashable {
    /// The next frame; with policy `latest`, the newest existing one.
    case live
    /// The frame with this number; the oldest in the ring if it has left, or the camera has restarted.
    case sequence(incarnation: UInt64, UInt64)
    /// The first frame at or after this time, UTC microseconds.
    case time(Int64)
    /// The frame after the group's last acknowledged one; `live` for a group without one.
    case acknowledged
}
