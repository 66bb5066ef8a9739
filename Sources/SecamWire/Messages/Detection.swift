/// An event that a motion service detected in the luma maps of a flow, sent to the camera.
///
///     offset  type   field  meaning
///     0       u32    flow   flow of luma that the sender has open at this camera
///     4       event  event  the fields of CameraEvent; kind is motion
package struct Detection: WireMessage {
    package static let type = MessageType.detection
    package let flow: UInt32
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
