// Generated from proto-spec/schema.json by `swift run secam-protocol`: do not edit.

/// CREDIT: Adds to the credit of a flow.
///
///     offset  size  field
///     0       4     flow
///     4       4     frames
package struct Credit: WireMessage {
    package static let type = MessageType.credit
    /// Flow number; from a viewer, the camera's number or the flow of a replay.
    package let flow: UInt32
    /// Added to the remaining credit; at most 1024; 0 only shows that the consumer is alive.
    package let frames: UInt32

    package init(flow: UInt32, frames: UInt32) {
        self.flow = flow
        self.frames = frames
    }

    package init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
        flow = try reader.integer("flow", bytes)
        frames = try reader.integer("frames", bytes)
        guard frames <= WireLimits.credit else { throw .badValue(field: "frames") }
    }

    package func write(_ writer: inout WireWriter) {
        writer.integer(flow)
        writer.integer(frames)
    }
}
