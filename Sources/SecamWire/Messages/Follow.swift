/// A viewer wants to be told of events; they come as `Event`. A second one replaces the first.
///
///     offset  size  field
///     0       1     live      1 for those to come too, 0 for those that have been
///     1       3     reserved  0
///     4       8     since     UTC microseconds: events that were over before are left out
///     12      2     count     of cameras, 0 for all that the user may see; then for each:
///     +0      4     camera    its number from CAMERAS
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
