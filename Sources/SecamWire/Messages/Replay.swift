/// Somebody wants recorded frames; they come as `Frame`, then `CloseFlow`.
///
///     offset  size  field
///     0       4     flow      chosen by the asker; at the gateway with its highest bit set, so that it is no camera's
///     4       4     credit    frames that may be sent at once; more with CREDIT
///     8       4     interval  least microseconds between the timestamps of two frames; 0 for all
///     12      1     content   0 frames, 1 thumbnails of events
///     13      3     reserved  0
///     16      8     from      UTC microseconds: with the last frame at or before this, if there is one
///     24      8     to        UTC microseconds, after from: frames from then on are not meant
///     32      8     volume    as in FOUND
///     40      2+n   camera    its name
package struct Replay: WireMessage {
    package static let type = MessageType.replay
    package let flow: UInt32
    package let credit: UInt32
    /// Microseconds.
    package let interval: UInt32
    package let content: ReplayContent
    /// UTC microseconds.
    package let from: Int64
    /// UTC microseconds.
    package let to: Int64
    package let volume: UInt64
    package let camera: Name

    /// What a viewer's number for a replay has set.
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

/// What comes of a replay.
package enum ReplayContent: UInt8, Sendable, CaseIterable, CustomStringConvertible {
    /// What the camera saw.
    case frames = 0
    /// A small picture of each event, of the moment at which most was to be seen.
    case thumbnails = 1

    package var description: String {
        switch self {
        case .frames: "frames"
        case .thumbnails: "thumbnails"
        }
    }
}
