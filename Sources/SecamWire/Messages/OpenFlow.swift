/// A consumer asks a camera for one of its renditions.
///
///     offset  size  field
///     0       4     flow         chosen by the consumer, unique among its flows with this camera
///     4       1     rendition
///     5       1     policy       1 every, 2 latest
///     6       1     start        1 live, 2 sequence, 3 time, 4 acknowledged
///     7       1     reserved     0
///     8       8     incarnation  for start 2: the one that `position` belongs to; otherwise 0
///     16      8     position     for start 2 a sequence number, for 3 UTC microseconds, otherwise 0
///     24      4     credit       frames that may be sent at once
///     28      4     interval     least microseconds between two frames; 0 for all
///     32      2+n   group        whose cursor is meant by `start` 4 and ACK; empty for none
package struct OpenFlow: WireMessage {
    package static let type = MessageType.openFlow
    package let flow: UInt32
    package let content: FlowContent
    package let policy: FlowPolicy
    package let start: FlowStart
    package let credit: UInt32
    /// Least time between two frames, in microseconds; 0 for all frames.
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

/// Where a flow begins.
package enum FlowStart: Sendable, Hashable {
    /// With the next frame.
    case live
    /// With this frame, or the oldest one if the ring holds it no longer or the camera has started anew.
    case sequence(incarnation: UInt64, UInt64)
    /// With the first frame at or after this time, UTC microseconds.
    case time(Int64)
    /// Behind the last frame that the group acknowledged; live when it never has.
    case acknowledged
}
