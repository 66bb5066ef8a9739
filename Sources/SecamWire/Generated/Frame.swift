// Generated from proto-spec/schema.json by `swift run secam-protocol`: do not edit.

/// FRAME: Carries one frame of a camera in one rendition. The payload is the picture.
///
///     offset  size  field
///     0       2     headerLength
///     2       4     flow
///     6       1     rendition
///     7       1     format
///     8       8     incarnation
///     16      8     sequence
///     24      8     timestamp
///     32      2     width
///     34      2     height
package struct Frame: PayloadMessage {
    package static let type = MessageType.frame
    /// Flow number; to a viewer, the camera's number or the flow of a replay.
    package let flow: UInt32
    package let rendition: Rendition
    /// Format of the payload.
    package let format: PixelFormat
    /// Incarnation of the camera.
    package let incarnation: UInt64
    package let sequence: UInt64
    /// Time of the capture, UTC microseconds.
    package let timestamp: Int64
    /// Pixels, 1 to 16384.
    package let width: UInt16
    /// Pixels, 1 to 16384.
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
        guard (1...WireLimits.side).contains(Int(height)) else { throw .badValue(field: "height") }
        guard (1...WireLimits.side).contains(Int(width)) else { throw .badValue(field: "width") }
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
