/// Allows that many more frames on a flow.
///
///     offset  size  field
///     0       4     flow    at the gateway: the camera's number
///     4       4     frames  added to what is left
package struct Credit: WireMessage {
    package static let type = MessageType.credit
    package let flow: UInt32
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
