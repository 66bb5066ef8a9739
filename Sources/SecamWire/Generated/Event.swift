// Generated from proto-spec/schema.json by `swift run secam-protocol`: do not edit.

/// EVENT: Carries the state of an event from a camera's event log.
///
///     offset  size  field
///     0       4     flow
///     4       8     incarnation
///     12      8     sequence
///     20      ..    event
package struct Event: WireMessage {
    package static let type = MessageType.event
    /// Flow number; to a viewer, the camera's number.
    package let flow: UInt32
    /// Incarnation of the camera.
    package let incarnation: UInt64
    /// Number of this EVENT, from 1 within an incarnation.
    package let sequence: UInt64
    /// See above.
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
