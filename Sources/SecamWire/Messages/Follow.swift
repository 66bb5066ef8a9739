/// A viewer subscribes to events, which arrive as EVENT. A later subscription replaces it.
///
///     offset  type       field     meaning
///     0       u8         live      0 or 1; 1 for past and future events, 0 for past events only
///     1       zero 3     reserved
///     4       i64        since     UTC microseconds; excludes events that were over before this time
///     12      list 4096  cameras   empty for all cameras that the user may see; for each:
///     +0      u32        camera    the camera's number from CAMERAS; unknown numbers are skipped
package struct Follow: WireMessage {
    package static let type = MessageType.follow
    package let live: Bool
    /// UTC microseconds.
    package let since: Int64
    package let cameras: [Camera]

    package struct Camera: Sendable, Hashable {
        package let camera: UInt32

        package init(camera: UInt32) { self.camera = camera }
    }

    package init(live: Bool, since: Int64, cameras: [Camera] = []) {
        precondition(cameras.count <= WireLimits.members)
        self.live = live
        self.since = since
        self.cameras = cameras
    }

    package init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
        let flag = try reader.integer("live", as: UInt8.self, bytes)
        guard flag <= 1 else { throw .badValue(field: "live") }
        live = flag == 1
        try reader.skip("reserved", count: 3)
        since = try reader.timeBound("since", bytes)
        var list: [Camera] = []
        for _ in 0..<(try reader.count("count", limit: WireLimits.members, bytes)) {
            list.append(Camera(camera: try reader.integer("camera", bytes)))
        }
        cameras = list
    }

    package func write(_ writer: inout WireWriter) {
        writer.integer(UInt8(live ? 1 : 0))
        writer.raw([0, 0, 0])
        writer.integer(since)
        writer.integer(UInt16(cameras.count))
        for camera in cameras { writer.integer(camera.camera) }
    }
}
