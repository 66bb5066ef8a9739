/// A viewer wants no more frames of a camera. Those already on their way still arrive.
///
///     offset  size  field
///     0       4     camera
package struct Unwatch: WireMessage {
    package static let type = MessageType.unwatch
    package let camera: UInt32

    package init(camera: UInt32) { self.camera = camera }

    package init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
        camera = try reader.integer("camera", bytes)
    }

    package func write(_ writer: inout WireWriter) { writer.integer(camera) }
}
