/// A motion service tells a camera what it sees in the maps of one of its flows.
///
///     offset  size  field
///     0       4     flow   of luma maps, which the sender has open
///     4       ..    event  the fields of `CameraEvent`; its kind is motion
public struct Detection: WireMessage {
    public static let type = MessageType.detection
    public let flow: UInt32
    public let event: CameraEvent

    public init(flow: UInt32, event: CameraEvent) {
        self.flow = flow
        self.event = event
    }

    public init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
        flow = try reader.integer("flow", bytes)
        event = try CameraEvent(bytes, &reader)
        guard event.kind == .motion else { throw .badValue(field: "kind") }
    }

    public func write(_ writer: inout WireWriter) {
        writer.integer(flow)
        event.write(&writer)
    }
}
