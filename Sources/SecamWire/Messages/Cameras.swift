/// All cameras that the user may see. The gateway sends it after WELCOME and at each change.
///
///     offset  type                field      meaning
///     0       list 4096           cameras    for each:
///     +0      u32                 camera     the camera's number
///     +4      u8 CameraState      state
///     +5      u8 RecordingHealth  recording  since version 2; reserved in version 1, read as off
///     +6      u16                 width      pixels, 0 while unknown
///     +8      u16                 height     pixels, 0 while unknown
///     +10     zero 2              reserved
///     +12     u32                 frameRate  thousandths of frames a second, 0 while unknown
///     +16     i64                 since      UTC microseconds of the last change of state
///     +24     name                name
///     ..      text 1024           detail     human-readable text
package struct Cameras: WireMessage {
    package static let type = MessageType.cameras
    package static let version: UInt8 = 2
    package let cameras: [Camera]

    package struct Camera: Sendable, Hashable {
        package let camera: UInt32
        package let state: CameraState
        package let recording: RecordingHealth
        package let width: UInt16
        package let height: UInt16
        /// Thousandths of frames a second.
        package let frameRate: UInt32
        /// UTC microseconds.
        package let since: Int64
        package let name: Name
        package let detail: String

        package init(
            camera: UInt32, state: CameraState, recording: RecordingHealth = .off, width: UInt16, height: UInt16,
            frameRate: UInt32, since: Int64,
            name: Name, detail: String
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
    }

    package init(cameras: [Camera]) { self.cameras = cameras }

    package init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
        var list: [Camera] = []
        for _ in 0..<(try reader.count("count", limit: WireLimits.members, bytes)) {
            let number = try reader.integer("camera", as: UInt32.self, bytes)
            let state = try reader.choice("state", as: CameraState.self, bytes)
            var recording = RecordingHealth.off
            if reader.version >= 2 {
                recording = try reader.choice("recording", bytes)
            } else {
                try reader.skip("reserved", count: 1)
            }
            let width = try reader.integer("width", as: UInt16.self, bytes)
            let height = try reader.integer("height", as: UInt16.self, bytes)
            try reader.skip("reserved", count: 2)
            let frameRate = try reader.integer("frameRate", as: UInt32.self, bytes)
            let since = try reader.time("since", bytes)
            let name = try reader.name("name", bytes)
            let detail = try reader.text("detail", limit: WireLimits.text, bytes)
            list.append(
                Camera(
                    camera: number, state: state, recording: recording, width: width, height: height,
                    frameRate: frameRate, since: since, name: name, detail: detail))
        }
        cameras = list
    }

    package func write(_ writer: inout WireWriter) {
        writer.integer(UInt16(cameras.count))
        for camera in cameras {
            writer.integer(camera.camera)
            writer.choice(camera.state)
            writer.choice(camera.recording)
            writer.integer(camera.width)
            writer.integer(camera.height)
            writer.integer(UInt16(0))
            writer.integer(camera.frameRate)
            writer.integer(camera.since)
            writer.name(camera.name)
            writer.text(camera.detail, limit: WireLimits.text)
        }
    }
}
