// Generated from proto-spec/schema.json by `swift run secam-protocol`: do not edit.

/// FOUND: Answers SEARCH and PROTECT. The last FOUND of an answer has `last` 1.
///
///     offset  size  field
///     0       4     request
///     4       1     last
///     5       1     partial
///     6       2     reserved
///     8       8     volume
///     16      2     count of recordings; for each:
///     +0      8     start
///     +8      8     end
///     +16     8     bytes
///     +24     4     frames
///     +28     1     protected
///     +29     1     open
///     +30     2     reserved
///     +32     2+n   camera
///     ..      2     count of events; for each:
///     +0      2+n   camera
///     ..      ..    event
///     ..      2     count of gaps; for each:
///     +0      8     start
///     +8      8     end
///     +16     8     frames
///     +24     1     reason
///     +25     1     reserved
///     +26     2+n   camera
///     ..      8     since, since version 2
package struct Found: WireMessage {
    package static let type = MessageType.found
    package static let version: UInt8 = 2
    /// `request` of the SEARCH or PROTECT.
    package let request: UInt32
    /// True in the last message of the answer.
    package let last: Bool
    /// True if the answer may be incomplete.
    package let partial: Bool
    /// Volume that holds the entries; 0 for none.
    package let volume: UInt64
    /// Files.
    package let recordings: [FoundRecording]
    package let events: [FoundEvent]
    /// Frames that the archive did not receive.
    package let gaps: [FoundGap]
    /// UTC microseconds; the answer is complete from this time on.
    package let since: Int64

    package init(
        request: UInt32, last: Bool, partial: Bool = false, volume: UInt64, recordings: [FoundRecording] = [],
        events: [FoundEvent] = [], gaps: [FoundGap] = [], since: Int64 = WireLimits.times.lowerBound
    ) {
        precondition(recordings.count <= WireLimits.found)
        precondition(events.count <= WireLimits.found)
        precondition(gaps.count <= WireLimits.found)
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
        last = try reader.flag("last", bytes)
        partial = try reader.flag("partial", bytes)
        try reader.skip("reserved", count: 2)
        volume = try reader.integer("volume", bytes)
        recordings = try reader.list("count", limit: WireLimits.found, bytes)
        events = try reader.list("count", limit: WireLimits.found, bytes)
        gaps = try reader.list("count", limit: WireLimits.found, bytes)
        if reader.version >= 2 {
            since = try reader.time("since", bytes)
        } else {
            since = WireLimits.times.lowerBound
        }
    }

    package func write(_ writer: inout WireWriter) {
        writer.integer(request)
        writer.flag(last)
        writer.flag(partial)
        writer.zeros(2)
        writer.integer(volume)
        writer.list(recordings)
        writer.list(events)
        writer.list(gaps)
        writer.integer(since)
    }
}

/// An entry of `recordings`.
package struct FoundRecording: WireElement, Sendable, Hashable {
    /// UTC microseconds of the first frame.
    package let start: Int64
    /// UTC microseconds of the last frame, not before `start`.
    package let end: Int64
    package let bytes: UInt64
    package let frames: UInt32
    /// True if the recording is kept regardless of its age.
    package let protected: Bool
    /// True while the recording is being written.
    package let open: Bool
    package let camera: Name

    package init(start: Int64, end: Int64, bytes: UInt64, frames: UInt32, protected: Bool, open: Bool, camera: Name) {
        self.start = start
        self.end = end
        self.bytes = bytes
        self.frames = frames
        self.protected = protected
        self.open = open
        self.camera = camera
    }

    init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
        start = try reader.time("start", bytes)
        end = try reader.time("end", bytes)
        guard end >= start else { throw .badValue(field: "end") }
        self.bytes = try reader.integer("bytes", bytes)
        frames = try reader.integer("frames", bytes)
        protected = try reader.flag("protected", bytes)
        open = try reader.flag("open", bytes)
        try reader.skip("reserved", count: 2)
        camera = try reader.name("camera", bytes)
    }

    func write(_ writer: inout WireWriter) {
        writer.integer(start)
        writer.integer(end)
        writer.integer(bytes)
        writer.integer(frames)
        writer.flag(protected)
        writer.flag(open)
        writer.zeros(2)
        writer.name(camera)
    }
}

/// An entry of `events`.
package struct FoundEvent: WireElement, Sendable, Hashable {
    package let camera: Name
    /// Present state.
    package let event: CameraEvent

    package init(camera: Name, event: CameraEvent) {
        self.camera = camera
        self.event = event
    }

    init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
        camera = try reader.name("camera", bytes)
        event = try CameraEvent(bytes, &reader)
    }

    func write(_ writer: inout WireWriter) {
        writer.name(camera)
        event.write(&writer)
    }
}

/// An entry of `gaps`.
package struct FoundGap: WireElement, Sendable, Hashable {
    /// UTC microseconds of the last frame before the gap.
    package let start: Int64
    /// UTC microseconds of the first frame after the gap, not before `start`.
    package let end: Int64
    /// Number of missing frames.
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

    init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
        start = try reader.time("start", bytes)
        end = try reader.time("end", bytes)
        guard end >= start else { throw .badValue(field: "end") }
        frames = try reader.integer("frames", bytes)
        reason = try reader.choice("reason", bytes)
        try reader.skip("reserved", count: 1)
        camera = try reader.name("camera", bytes)
    }

    func write(_ writer: inout WireWriter) {
        writer.integer(start)
        writer.integer(end)
        writer.integer(frames)
        writer.choice(reason)
        writer.zeros(1)
        writer.name(camera)
    }
}
