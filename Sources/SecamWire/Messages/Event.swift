/// An entry of a camera's event log, on a flow of events or for a viewer that follows events.
///
///     offset  type   field        meaning
///     0       u32    flow         flow number; to a viewer, the camera's number
///     4       u64    incarnation  incarnation of the camera
///     12      u64    sequence     number of this EVENT, from 1 within an incarnation
///     20      event  event        the fields of CameraEvent
package struct Event: WireMessage {
    package static let type = MessageType.event
    package let flow: UInt32
    package let incarnation: UInt64
    package let sequence: UInt64
    package let event: CameraEvent

    package init(flow: UInt32, incarnation: UInt64, sequence: UInt64, event: CameraEvent) {
        self.flow = flow
        self.incarnation = incarnation
        self.sequence = sequence
        self.event = event
    }

    package init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
        flow = try reader.integer("flow", bytes)
        incarnation = try reader.integer("incarnation", bytes)
        sequence = try reader.sequence("sequence", bytes)
        event = try CameraEvent(bytes, &reader)
    }

    package func write(_ writer: inout WireWriter) {
        writer.integer(flow)
        writer.integer(incarnation)
        writer.integer(sequence)
        event.write(&writer)
    }
}
