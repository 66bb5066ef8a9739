/// One frame of a camera in one rendition. The payload is the picture.
///
///     offset  type            field         meaning
///     0       u16             headerLength  bytes before the payload, this field included: 36
///     2       u32             flow          flow number; to a viewer, the camera's number or the flow of a replay
///     6       u8 Rendition    rendition
///     7       u8 PixelFormat  format        format of the payload
///     8       u64             incarnation   incarnation of the camera
///     16      u64             sequence
///     24      i64             timestamp     time of the capture, UTC microseconds
///     32      u16             width         pixels, 1 to 16384
///     34      u16             height        pixels, 1 to 16384
///     36      payload         payload       the picture
package struct Frame: PayloadMessage {
    package static let type = MessageType.frame
    package let flow: UInt32
    package let rendition: Rendition
    package let format: PixelFormat
    package let incarnation: UInt64
    package let sequence: UInt64
    /// Time of the capture, UTC microseconds.
    package let timestamp: Int64
    package let width: UInt16
    package let height: UInt16

    package init(
        flow: UInt32, rendition: Rendition, format: PixelFormat, incarnation: UInt64, sequence: UInt64,
        timestamp: Int64, width: UInt16, height: UInt16
    ) {
        self.flow = flow
        self.rendition = rendition
        self.format = format
        self.incarnation = incarnation
        self.sequence = sequence
        self.timestamp = timestamp
        self.width = width
        self.height = height
    }

    package init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
        flow = try reader.integer("flow", bytes)
        rendition = try reader.choice("rendition", bytes)
        format = try reader.choice("format", bytes)
        incarnation = try reader.integer("incarnation", bytes)
        sequence = try reader.sequence("sequence", bytes)
        timestamp = try reader.time("timestamp", bytes)
        width = try reader.integer("width", bytes)
        height = try reader.integer("height", bytes)
        guard width > 0, width <= WireLimits.side else { throw .badValue(field: "width") }
        guard height > 0, height <= WireLimits.side else { throw .badValue(field: "height") }
    }

    package func write(_ writer: inout WireWriter) {
        writer.integer(flow)
        writer.choice(rendition)
        writer.choice(format)
        writer.integer(incarnation)
        writer.integer(sequence)
        writer.integer(timestamp)
        writer.integer(width)
        writer.integer(height)
    }
}
