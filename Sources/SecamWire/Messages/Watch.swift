/// A viewer wants a camera's frames; they come as `Frame` while there is credit. A second one for the same camera
/// replaces the first.
///
///     offset  size  field
///     0       4     camera     its number from CAMERAS
///     4       1     rendition  1 jpeg, 2 sub
///     5       1     reserved   0
///     6       2     reserved   0
///     8       4     credit     frames that may be sent at once; more with CREDIT
///     12      4     interval   least microseconds between two frames; 0 for all
public struct Watch: WireMessage {
    public static let type = MessageType.watch
    public let camera: UInt32
    public let rendition: Rendition
    public let credit: UInt32
    /// Least time between two frames, in microseconds.
    public let interval: UInt32

    public init(camera: UInt32, rendition: Rendition, credit: UInt32, interval: UInt32 = 0) {
        self.camera = camera
        self.rendition = rendition
        self.credit = credit
        self.interval = interval
    }

    public init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
        camera = try reader.integer("camera", bytes)
        rendition = try reader.choice("rendition", bytes)
        try reader.skip("reserved", count: 3)
        credit = try reader.integer("credit", bytes)
        guard credit <= WireLimits.credit else { throw .badValue(field: "credit") }
        interval = try reader.integer("interval", bytes)
    }

    public func write(_ writer: inout WireWriter) {
        writer.integer(camera)
        writer.choice(rendition)
        writer.raw([0, 0, 0])
        writer.integer(credit)
        writer.integer(interval)
    }
}
