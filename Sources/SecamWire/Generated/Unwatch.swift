// Generated from proto-spec/schema.json by `swift run secam-protocol`: do not edit.

/// UNWATCH: Stops a camera's frames.
///
///     offset  size  field
///     0       4     camera
package struct Unwatch: WireMessage {
    package static let type = MessageType.unwatch
    /// The camera's number.
    package let camera: UInt32

    package init(camera: UInt32) { self.camera = camera }

    package init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
        camera = try reader.integer("camera", bytes)
    }

    package func write(_ writer: inout WireWriter) {
        writer.integer(camera)
    }
}
