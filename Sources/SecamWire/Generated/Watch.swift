// Generated from proto-spec/schema.json by `swift run secam-protocol`: do not edit.

/// WATCH: Asks for a camera's frames.
///
///     offset  size  field
///     0       4     camera
///     4       1     rendition
///     5       3     reserved
///     8       4     credit
///     12      4     interval
package struct Watch: WireMessage {
    package static let type = MessageType.watch
    /// The camera's number from CAMERAS.
    package let camera: UInt32
    /// Jpeg or sub.
    package let rendition: Rendition
    /// Frames that may be sent at once, at most 1024; CREDIT adds more.
    package let credit: UInt32
    /// Minimum microseconds between the sending of two frames, by the gateway's clock; 0 for no minimum.
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
        writer.zeros(3)
        writer.integer(credit)
        writer.integer(interval)
    }
}
