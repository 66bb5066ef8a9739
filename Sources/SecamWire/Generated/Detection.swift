// Generated from proto-spec/schema.json by `swift run secam-protocol`: do not edit.

/// DETECTION: Reports an event from a motion service to a camera.
///
///     offset  size  field
///     0       4     flow
///     4       ..    event
package struct Detection: WireMessage {
    package static let type = MessageType.detection
    /// Flow of `luma` that the sender has open at this camera.
    package let flow: UInt32
    /// See above; `kind` is motion.
    package let event: CameraEvent

    package init(flow: UInt32, event: CameraEvent) {
        self.flow = flow
        self.event = event
    }

    package init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
        flow = try reader.integer("flow", bytes)
        event = try CameraEvent(bytes, &reader)
        guard event.kind == .motion else { throw .badValue(field: "kind") }
    }

    package func write(_ writer: inout WireWriter) {
        writer.integer(flow)
        event.write(&writer)
    }
}
