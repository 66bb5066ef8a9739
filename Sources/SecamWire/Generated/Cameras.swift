// Generated from proto-spec/schema.json by `swift run secam-protocol`: do not edit.

/// CAMERAS: Lists all cameras that the user may see.
///
///     offset  size  field
///     0       2     count of cameras; for each:
///     +0      4     camera
///     +4      1     state
///     +5      1     recording, since version 2
///     +6      2     width
///     +8      2     height
///     +10     2     reserved
///     +12     4     frameRate
///     +16     8     since
///     +24     2+n   name
///     ..      2+n   detail
package struct Cameras: WireMessage {
    package static let type = MessageType.cameras
    package static let version: UInt8 = 2
    package let cameras: [Camera]

    /// An entry of `cameras`.
    package struct Camera: WireElement, Sendable, Hashable {
        /// The camera's number.
        package let camera: UInt32
        package let state: CameraState
        /// Reserved in version 1, read as off.
        package let recording: RecordingHealth
        /// Pixels, 0 while unknown.
        package let width: UInt16
        /// Pixels, 0 while unknown.
        package let height: UInt16
        /// Thousandths of frames a second, 0 while unknown.
        package let frameRate: UInt32
        /// UTC microseconds of the last change of state.
        package let since: Int64
        package let name: Name
        /// Human-readable text.
        package let detail: String

        package init(
            camera: UInt32, state: CameraState, recording: RecordingHealth = .off, width: UInt16, height: UInt16,
            frameRate: UInt32, since: Int64, name: Name, detail: String
        ) {
            self.camera = camera
            self.state = state
            self.recording = recording
            self.width = width
            self.height = height
            self.frameRate = frameRate
            self.since = since
            self.name = name
            self.detail = detail
        }

        init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
            camera = try reader.integer("camera", bytes)
            state = try reader.choice("state", bytes)
            if reader.version >= 2 {
                recording = try reader.choice("recording", bytes)
            } else {
                try reader.skip("reserved", count: 1)
                recording = .off
            }
            width = try reader.integer("width", bytes)
            height = try reader.integer("height", bytes)
            try reader.skip("reserved", count: 2)
            frameRate = try reader.integer("frameRate", bytes)
            since = try reader.time("since", bytes)
            name = try reader.name("name", bytes)
            detail = try reader.text("detail", limit: WireLimits.text, bytes)
        }

        func write(_ writer: inout WireWriter) {
            writer.integer(camera)
            writer.choice(state)
            writer.choice(recording)
            writer.integer(width)
            writer.integer(height)
            writer.zeros(2)
            writer.integer(frameRate)
            writer.integer(since)
            writer.name(name)
            writer.text(detail, limit: WireLimits.text)
        }
    }

    package init(cameras: [Camera]) { self.cameras = cameras }

    package init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
        cameras = try reader.list("count", limit: WireLimits.members, bytes)
    }

    package func write(_ writer: inout WireWriter) {
        writer.list(cameras)
    }
}
