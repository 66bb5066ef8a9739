/// A request for recorded frames, which arrive as FRAME, followed by CLOSE.
///
///     offset  type              field     meaning
///     0       u32               flow      number chosen by the requester; from a viewer, with the highest bit set
///     4       u32               credit    frames that may be sent at once, at most 1024; CREDIT adds more
///     8       u32               interval  minimum microseconds between the timestamps of two frames, as in a flow; 0
///                                         for all
///     12      u8 ReplayContent  content
///     13      zero 3            reserved
///     16      i64               from      UTC microseconds
///     24      i64               to        UTC microseconds, after from; excludes frames from this time on
///     32      u64               volume    as in FOUND
///     40      name              camera
package struct Replay: WireMessage {
    package static let type = MessageType.replay
    package let flow: UInt32
    package let credit: UInt32
    /// Minimum interval of two frames, microseconds.
    package let interval: UInt32
    package let content: ReplayContent
    /// UTC microseconds.
    package let from: Int64
    /// UTC microseconds.
    package let to: Int64
    package let volume: UInt64
    package let camera: Name

    /// The bit that is set in the flow number of a viewer's replay.
    package static let flowBit: UInt32 = 1 << 31

    package init(
        flow: UInt32, credit: UInt32, interval: UInt32, content: ReplayContent = .frames, from: Int64, to: Int64,
        volume: UInt64, camera: Name
    ) {
        precondition(from < to)
        self.flow = flow
        self.credit = credit
        self.interval = interval
        self.content = content
        self.from = from
        self.to = to
        self.volume = volume
        self.camera = camera
    }

    package init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
        flow = try reader.integer("flow", bytes)
        credit = try reader.integer("credit", bytes)
        guard credit <= WireLimits.credit else { throw .badValue(field: "credit") }
        interval = try reader.integer("interval", bytes)
        content = try reader.choice("content", bytes)
        try reader.skip("reserved", count: 3)
        from = try reader.timeBound("from", bytes)
        to = try reader.timeBound("to", bytes)
        guard to > from else { throw .badValue(field: "to") }
        volume = try reader.integer("volume", bytes)
        camera = try reader.name("camera", bytes)
    }

    package func write(_ writer: inout WireWriter) {
        writer.integer(flow)
        writer.integer(credit)
        writer.integer(interval)
        writer.choice(content)
        writer.raw([0, 0, 0])
        writer.integer(from)
        writer.integer(to)
        writer.integer(volume)
        writer.name(camera)
    }
}

/// The content of a replay.
package enum ReplayContent: UInt8, Sendable, CaseIterable, CustomStringConvertible {
    /// Recorded frames.
    case frames = 0
    /// One small picture of each event, from its peak.
    case thumbnails = 1

    package var description: String {
        switch self {
        case .frames: "frames"
        case .thumbnails: "thumbnails"
        }
    }
}
