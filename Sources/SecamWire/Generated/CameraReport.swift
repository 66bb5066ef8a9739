// Generated from proto-spec/schema.json by `swift run secam-protocol`: do not edit.

/// CAMERA: Reports the state of a service's camera to the registry.
///
///     offset  size  field
///     0       1     state
///     1       1     format
///     2       2     width
///     4       2     height
///     6       2     reserved
///     8       4     frameRate
///     12      8     since
///     20      2+n   source
///     ..      2+n   detail
package struct CameraReport: WireMessage {
    package static let type = MessageType.camera
    package let state: CameraState
    /// Format of the device's pictures; here also 0 while unknown.
    package let format: PixelFormat?
    /// Pixels, 0 while unknown.
    package let width: UInt16
    /// Pixels, 0 while unknown.
    package let height: UInt16
    /// Thousandths of frames a second, 0 while unknown.
    package let frameRate: UInt32
    /// UTC microseconds of the last change of state.
    package let since: Int64
    /// Source that the camera was told to open, without secrets.
    package let source: String
    /// Human-readable text: the negotiated format, or the fault and its remedy.
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
        format = try reader.optionalChoice("format", bytes)
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
        writer.optionalChoice(format)
        writer.integer(width)
        writer.integer(height)
        writer.zeros(2)
        writer.integer(frameRate)
        writer.integer(since)
        writer.text(source, limit: WireLimits.text)
        writer.text(detail, limit: WireLimits.text)
    }
}
