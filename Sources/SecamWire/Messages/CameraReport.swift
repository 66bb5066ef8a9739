/// A camera's state, sent to the registry after a join and at each change.
///
///     offset  type            field      meaning
///     0       u8 CameraState  state
///     1       u8 PixelFormat  format     format of the device's pictures; here also 0 while unknown
///     2       u16             width      pixels, 0 while unknown
///     4       u16             height     pixels, 0 while unknown
///     6       zero 2          reserved
///     8       u32             frameRate  thousandths of frames a second, 0 while unknown
///     12      i64             since      UTC microseconds of the last change of state
///     20      text 1024       source     source that the camera was told to open, without secrets
///     ..      text 1024       detail     human-readable text: the negotiated format, or the fault and its remedy
package struct CameraReport: WireMessage {
    package static let type = MessageType.camera
    package let state: CameraState
    package let format: PixelFormat?
    package let width: UInt16
    package let height: UInt16
    /// Thousandths of frames a second, 0 while unknown.
    package let frameRate: UInt32
    /// UTC microseconds.
    package let since: Int64
    package let source: String
    package let detail: String

    package init(
        state: CameraState, format: PixelFormat?, width: UInt16, height: UInt16, frameRate: UInt32, since: Int64,
        source: String, detail: String
    ) {
        self.state = state
        self.format = format
        self.width = width
        self.height = height
        self.frameRate = frameRate
        self.since = since
        self.source = source
        self.detail = detail
    }

    package init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
        state = try reader.choice("state", bytes)
        let code = try reader.integer("format", as: UInt8.self, bytes)
        format = PixelFormat(rawValue: code)
        guard code == 0 || format != nil else { throw .badValue(field: "format") }
        width = try reader.integer("width", bytes)
        height = try reader.integer("height", bytes)
        try reader.skip("reserved", count: 2)
        frameRate = try reader.integer("frameRate", bytes)
        since = try reader.time("since", bytes)
        source = try reader.text("source", limit: WireLimits.text, bytes)
        detail = try reader.text("detail", limit: WireLimits.text, bytes)
    }

    package func write(_ writer: inout WireWriter) {
        writer.choice(state)
        writer.integer(format?.rawValue ?? 0)
        writer.integer(width)
        writer.integer(height)
        writer.integer(UInt16(0))
        writer.integer(frameRate)
        writer.integer(since)
        writer.text(source, limit: WireLimits.text)
        writer.text(detail, limit: WireLimits.text)
    }
}
