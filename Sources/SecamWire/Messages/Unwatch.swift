/// A viewer wants no more frames of a camera. Those already on their way still arrive.
///
///     offset  size  field
///     0       4     camera
public struct Unwatch: WireMessage {
    public static let type = MessageType.unwatch
    public let camera: UInt32

    public init(camera: UInt32) { self.camera = camera }

    public init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
        camera = try reader.integer("camera", bytes)
    }

    public func write(_ writer: inout WireWriter) { writer.integer(camera) }
}
