// Generated from proto-spec/schema.json by `swift run secam-protocol`: do not edit.

/// FOLLOW: Asks for events.
///
///     offset  size  field
///     0       1     live
///     1       3     reserved
///     4       8     since
///     12      2     count of cameras; for each:
///     +0      4     camera
package struct Follow: WireMessage {
    package static let type = MessageType.follow
    /// True for past and future events, false for past events only.
    package let live: Bool
    /// UTC microseconds; excludes events that were over before this time.
    package let since: Int64
    /// Empty for all cameras that the user may see.
    package let cameras: [Camera]

    /// An entry of `cameras`.
    package struct Camera: WireElement, Sendable, Hashable {
        /// The camera's number from CAMERAS; unknown numbers are skipped.
        package let camera: UInt32

        package init(camera: UInt32) { self.camera = camera }

        init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
            camera = try reader.integer("camera", bytes)
        }

        func write(_ writer: inout WireWriter) {
            writer.integer(camera)
        }
    }

    package init(live: Bool, since: Int64, cameras: [Camera] = []) {
        precondition(cameras.count <= WireLimits.members)
        self.live = live
        self.since = since
        self.cameras = cameras
    }

    package init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
        live = try reader.flag("live", bytes)
        try reader.skip("reserved", count: 3)
        since = try reader.timeBound("since", bytes)
        cameras = try reader.list("count", limit: WireLimits.members, bytes)
    }

    package func write(_ writer: inout WireWriter) {
        writer.flag(live)
        writer.zeros(3)
        writer.integer(since)
        writer.list(cameras)
    }
}
