/// Allows that many more frames on a flow.
///
///     offset  size  field
///     0       4     flow    at the gateway: the camera's number
///     4       4     frames  added to what is left
public struct Credit: WireMessage {
    public static let type = MessageType.credit
    public let flow: UInt32
    public let frames: UInt32

    public init(flow: UInt32, frames: UInt32) {
        self.flow = flow
        self.frames = frames
    }

    public init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
        flow = try reader.integer("flow", bytes)
        frames = try reader.integer("frames", bytes)
        guard frames <= WireLimits.credit else { throw .badValue(field: "frames") }
    }

    public func write(_ writer: inout WireWriter) {
        writer.integer(flow)
        writer.integer(frames)
    }
}
