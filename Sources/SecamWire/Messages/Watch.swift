/// A viewer wants a camera's frames; they come as `Frame` while there is credit. A second one for the same camera
/// replaces the first.
///
///     offset  size  field
///     0       4     camera     its number from CAMERAS
///     4       1     rendition  1 jpeg, 2 sub
///     5       1     reserved   0
///     6       2     reserved   0
///     8       4     credit     frames that may be sent at once; more with CREDIT
///     12      4     interval   least microseconds between two frames; 0 for all
package struct Watch: WireMessage {
    package static let type = MessageType.watch
    package let camera: UInt32
    package let rendition: Rendition
    package let credit: UInt32
    /// Least time between two frames, in microseconds.
    package let interval: UInt32

    package init(camera: UInt32, rendition: Rendition, credit: UInt32, interval: UInt32 = 0) {
        self.camera = camera
        self.rendition = rendition
        self.credit = credit
        self.interval = interval
    }

    package init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
        camera = try reader.integer("camera", bytes)
        rendition = try reader.choice("rendition", bytes)
        try reader.skip("reserved", count: 3)
        credit = try reader.integer("credit", bytes)
        guard credit <= WireLimits.credit else { throw .badValue(field: "credit") }
        interval = try reader.integer("interval", bytes)
    }

    package func write(_ writer: inout WireWriter) {
        writer.integer(camera)
        writer.choice(rendition)
        writer.raw([0, 0, 0])
        writer.integer(credit)
        writer.integer(interval)
    }
}
