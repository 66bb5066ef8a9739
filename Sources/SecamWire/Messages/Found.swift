/// Recordings, events and gaps, in answer to SEARCH or PROTECT. An answer may consist of several messages.
///
///     offset  type          field       meaning
///     0       u32           request     request of the SEARCH or PROTECT
///     4       u8            last        0 or 1; 1 in the last message of the answer
///     5       u8            partial     0 or 1; 1 if the answer may be incomplete
///     6       zero 2        reserved
///     8       u64           volume      volume that holds the entries; 0 for none
///     16      list 4096     recordings  files; for each:
///     +0      i64           start       UTC microseconds of the first frame
///     +8      i64           end         UTC microseconds of the last frame, not before start
///     +16     u64           bytes
///     +24     u32           frames
///     +28     u8            protected   0 or 1; 1 if the recording is kept regardless of its age
///     +29     u8            open        0 or 1; 1 while the recording is being written
///     +30     zero 2        reserved
///     +32     name          camera
///     ..      list 4096     events      for each:
///     +0      name          camera
///     ..      event         event       present state
///     ..      list 4096     gaps        frames that the archive did not receive; for each:
///     +0      i64           start       UTC microseconds of the last frame before the gap
///     +8      i64           end         UTC microseconds of the first frame after the gap, not before start
///     +16     u64           frames      number of missing frames
///     +24     u8 GapReason  reason
///     +25     zero 1        reserved
///     +26     name          camera
///     ..      i64           since       since version 2: UTC microseconds
package struct Found: WireMessage {
    package static let type = MessageType.found
    package static let version: UInt8 = 2
    package let request: UInt32
    package let last: Bool
    package let partial: Bool
    package let volume: UInt64
    package let recordings: [Recorded]
    package let events: [Happened]
    package let gaps: [Missing]
    /// UTC microseconds.
    package let since: Int64

    package struct Recorded: Sendable, Hashable {
        /// UTC microseconds.
        package let start: Int64
        /// UTC microseconds.
        package let end: Int64
        package let bytes: UInt64
        package let frames: UInt32
        package let protected: Bool
        package let open: Bool
        package let camera: Name

        package init(
            start: Int64, end: Int64, bytes: UInt64, frames: UInt32, protected: Bool, open: Bool, camera: Name
        ) {
            self.start = start
            self.end = end
            self.bytes = bytes
            self.frames = frames
            self.protected = protected
            self.open = open
            self.camera = camera
        }
    }

    package struct Happened: Sendable, Hashable {
        package let camera: Name
        package let event: CameraEvent

        package init(camera: Name, event: CameraEvent) {
            self.camera = camera
            self.event = event
        }
    }

    package struct Missing: Sendable, Hashable {
        /// UTC microseconds.
        package let start: Int64
        /// UTC microseconds.
        package let end: Int64
        package let frames: UInt64
        package let reason: GapReason
        package let camera: Name

        package init(start: Int64, end: Int64, frames: UInt64, reason: GapReason, camera: Name) {
            self.start = start
            self.end = end
            self.frames = frames
            self.reason = reason
            self.camera = camera
        }
    }

    package init(
        request: UInt32, last: Bool, partial: Bool = false, volume: UInt64, recordings: [Recorded] = [],
        events: [Happened] = [], gaps: [Missing] = [], since: Int64 = WireLimits.times.lowerBound
    ) {
        precondition([recordings.count, events.count, gaps.count].allSatisfy { $0 <= WireLimits.found })
        self.request = request
        self.last = last
        self.partial = partial
        self.volume = volume
        self.recordings = recordings
        self.events = events
        self.gaps = gaps
        self.since = since
    }

    package init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
        request = try reader.integer("request", bytes)
        last = try Found.flag("last", bytes, &reader)
        partial = try Found.flag("partial", bytes, &reader)
        try reader.skip("reserved", count: 2)
        volume = try reader.integer("volume", bytes)
        var recordings: [Recorded] = []
        for _ in 0..<(try reader.count("count", limit: WireLimits.found, bytes)) {
            recordings.append(try Recorded(bytes, &reader))
        }
        self.recordings = recordings
        var events: [Happened] = []
        for _ in 0..<(try reader.count("count", limit: WireLimits.found, bytes)) {
            events.append(
                Happened(camera: try reader.name("camera", bytes), event: try CameraEvent(bytes, &reader)))
        }
        self.events = events
        var gaps: [Missing] = []
        for _ in 0..<(try reader.count("count", limit: WireLimits.found, bytes)) {
            gaps.append(try Missing(bytes, &reader))
        }
        self.gaps = gaps
        since = reader.version >= 2 ? try reader.time("since", bytes) : WireLimits.times.lowerBound
    }

    package func write(_ writer: inout WireWriter) {
        writer.integer(request)
        writer.integer(UInt8(last ? 1 : 0))
        writer.integer(UInt8(partial ? 1 : 0))
        writer.integer(UInt16(0))
        writer.integer(volume)
        writer.integer(UInt16(recordings.count))
        for recording in recordings { recording.write(&writer) }
        writer.integer(UInt16(events.count))
        for happened in events {
            writer.name(happened.camera)
            happened.event.write(&writer)
        }
        writer.integer(UInt16(gaps.count))
        for gap in gaps { gap.write(&writer) }
        writer.integer(since)
    }

    fileprivate static func flag(
        _ field: StaticString, _ bytes: Span<UInt8>, _ reader: inout WireReader
    ) throws(WireError) -> Bool {
        let value = try reader.integer(field, as: UInt8.self, bytes)
        guard value <= 1 else { throw .badValue(field: "\(field)") }
        return value == 1
    }
}

extension Found.Recorded {
    fileprivate init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
        start = try reader.time("start", bytes)
        end = try reader.time("end", bytes)
        guard end >= start else { throw .badValue(field: "end") }
        self.bytes = try reader.integer("bytes", bytes)
        frames = try reader.integer("frames", bytes)
        protected = try Found.flag("protected", bytes, &reader)
        open = try Found.flag("open", bytes, &reader)
        try reader.skip("reserved", count: 2)
        camera = try reader.name("camera", bytes)
    }

    fileprivate func write(_ writer: inout WireWriter) {
        writer.integer(start)
        writer.integer(end)
        writer.integer(bytes)
        writer.integer(frames)
        writer.integer(UInt8(protected ? 1 : 0))
        writer.integer(UInt8(open ? 1 : 0))
        writer.integer(UInt16(0))
        writer.name(camera)
    }
}

extension Found.Missing {
    fileprivate init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
        start = try reader.time("start", bytes)
        end = try reader.time("end", bytes)
        guard end >= start else { throw .badValue(field: "end") }
        frames = try reader.integer("frames", bytes)
        reason = try reader.choice("reason", bytes)
        try reader.skip("reserved", count: 1)
        camera = try reader.name("camera", bytes)
    }

    fileprivate func write(_ writer: inout WireWriter) {
        writer.integer(start)
        writer.integer(end)
        writer.integer(frames)
        writer.choice(reason)
        writer.integer(UInt8(0))
        writer.name(camera)
    }
}
