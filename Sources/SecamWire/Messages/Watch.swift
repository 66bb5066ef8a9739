/// A viewer requests the frames of a camera, which arrive as FRAME within the credit. A later request for the same
/// camera replaces it.
///
///     offset  type          field      meaning
///     0       u32           camera     the camera's number from CAMERAS
///     4       u8 Rendition  rendition  jpeg or sub
///     5       zero 3        reserved
///     8       u32           credit     frames that may be sent at once, at most 1024; CREDIT adds more
///     12      u32           interval   minimum microseconds between two frames; 0 for all frames
package struct Watch: WireMessage {
    package static let type = MessageType.watch
    package let camera: UInt32
    package let rendition: Rendition
    package let credit: UInt32
    /// Minimum interval of two frames, microseconds.
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
