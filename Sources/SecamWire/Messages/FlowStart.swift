/// The first frame of a flow. In OPEN, it is the fields `start`, `incarnation` and `position`.
package enum FlowStart: Sendable, Hashable {
    /// The next frame.
    case live
    /// The frame with this number. The oldest frame, if it has left the ring or the camera has restarted.
    case sequence(incarnation: UInt64, UInt64)
    /// The first frame at or after this time, UTC microseconds.
    case time(Int64)
    /// The frame after the last one that the group acknowledged; `live` if it has acknowledged none.
    case acknowledged
}

extension FlowStart: WireElement {
    init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
        let kind = FlowStartKind(rawValue: try reader.integer("start", bytes))
        try reader.skip("reserved", count: 1)
        let incarnation = try reader.integer("incarnation", as: UInt64.self, bytes)
        let position = try reader.integer("position", as: UInt64.self, bytes)
        switch kind {
        case .live: self = .live
        case .sequence: self = .sequence(incarnation: incarnation, min(position, WireLimits.sequence))
        case .time: self = .time(WireLimits.times.clamping(Int64(bitPattern: position)))
        case .acknowledged: self = .acknowledged
        case nil: throw .badValue(field: "start")
        }
    }

    func write(_ writer: inout WireWriter) {
        let (kind, incarnation, position): (FlowStartKind, UInt64, UInt64) =
            switch self {
            case .live: (.live, 0, 0)
            case .sequence(let incarnation, let sequence): (.sequence, incarnation, sequence)
            case .time(let microseconds): (.time, 0, UInt64(bitPattern: microseconds))
            case .acknowledged: (.acknowledged, 0, 0)
            }
        writer.choice(kind)
        writer.zeros(1)
        writer.integer(incarnation)
        writer.integer(position)
    }
}
