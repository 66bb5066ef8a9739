/// A motion service tells a camera what it sees in the maps of one of its flows.
///
///     offset  size  field
///     0       4     flow   of luma maps, which the sender has open
///     4       ..    event  the fields of `CameraEvent`; its kind is motion
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
