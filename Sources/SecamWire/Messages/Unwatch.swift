/// A viewer needs no more frames of a camera. Frames already sent still arrive.
///
///     offset  type  field   meaning
///     0       u32   camera  the camera's number
package struct Unwatch: WireMessage {
    package static let type = MessageType.unwatch
    package let camera: UInt32

    package init(camera: UInt32) { self.camera = camera }

    package init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
        camera = try reader.integer("camera", bytes)
    }

    package func write(_ writer: inout WireWriter) { writer.integer(camera) }
}
