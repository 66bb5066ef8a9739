// Generated from proto-spec/schema.json by `swift run secam-protocol`: do not edit.

/// REPLAY: Asks for recorded frames.
///
///     offset  size  field
///     0       4     flow
///     4       4     credit
///     8       4     interval
///     12      1     content
///     13      3     reserved
///     16      8     from
///     24      8     to
///     32      8     volume
///     40      2+n   camera
package struct Replay: WireMessage {
    package static let type = MessageType.replay
    /// Number chosen by the requester; from a viewer, with the highest bit set.
    package let flow: UInt32
    /// Frames that may be sent at once, at most 1024; CREDIT adds more.
    package let credit: UInt32
    /// Minimum microseconds between the timestamps of two frames, as in a flow; 0 for all.
    package let interval: UInt32
    package let content: ReplayContent
    /// UTC microseconds.
    package let from: Int64
    /// UTC microseconds, after `from`; excludes frames from this time on.
    package let to: Int64
    /// As in FOUND.
    package let volume: UInt64
    package let camera: Name

    package init(
        flow: UInt32, credit: UInt32, interval: UInt32, content: ReplayContent = .frames, from: Int64, to: Int64,
        volume: UInt64, camera: Name
    ) {
        precondition(to > from)
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
        writer.zeros(3)
        writer.integer(from)
        writer.integer(to)
        writer.integer(volume)
        writer.name(camera)
    }
}
