/// What a camera's log says of an event, on a flow of events or to a viewer who follows them.
///
///     offset  size  field
///     0       4     flow         at the gateway: the camera's number
///     4       8     incarnation  of the camera
///     12      8     sequence     of its events, from 1; frames are numbered for themselves
///     20      ..    event        the fields of `CameraEvent`
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
