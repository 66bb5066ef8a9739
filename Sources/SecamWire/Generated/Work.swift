// Generated from proto-spec/schema.json by `swift run secam-protocol`: do not edit.

/// WORK: Gives an encoder a job. The payload is the picture.
///
///     offset  size  field
///     0       2     headerLength
///     2       8     job
///     10      1     renditions
///     11      1     quality
///     12      2     subWidth
///     14      1     format
///     15      1     reserved
///     16      2     width
///     18      2     height
package struct Work: PayloadMessage {
    package static let type = MessageType.work
    /// Unique within the camera's incarnation, and unpredictable.
    package let job: UInt64
    /// Set of requested renditions: bit 0 jpeg, 1 sub, 2 luma; not 0, no other bits.
    package let renditions: RenditionSet
    /// Quality of the JPEGs, 1 to 100, as in libjpeg.
    package let quality: UInt8
    /// Maximum width of the `sub` picture, pixels, 16 to 16384.
    package let subWidth: UInt16
    /// Format of the payload.
    package let format: PixelFormat
    /// Pixels, 1 to 16384.
    package let width: UInt16
    /// Pixels, 1 to 16384.
    package let height: UInt16

    package init(
        job: UInt64, renditions: RenditionSet, quality: UInt8, subWidth: UInt16, format: PixelFormat, width: UInt16,
        height: UInt16
    ) {
        self.job = job
        self.renditions = renditions
        self.quality = quality
        self.subWidth = subWidth
        self.format = format
        self.width = width
        self.height = height
    }

    package init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
        job = try reader.integer("job", bytes)
        renditions = RenditionSet(rawValue: try reader.integer("renditions", bytes))
        guard !renditions.isEmpty, renditions.isSubset(of: .all) else { throw .badValue(field: "renditions") }
        quality = try reader.integer("quality", bytes)
        guard (1...100).contains(quality) else { throw .badValue(field: "quality") }
        subWidth = try reader.integer("subWidth", bytes)
        guard (16...WireLimits.side).contains(Int(subWidth)) else { throw .badValue(field: "subWidth") }
        format = try reader.choice("format", bytes)
        try reader.skip("reserved", count: 1)
        width = try reader.integer("width", bytes)
        height = try reader.integer("height", bytes)
        guard (1...WireLimits.side).contains(Int(height)) else { throw .badValue(field: "height") }
        guard (1...WireLimits.side).contains(Int(width)) else { throw .badValue(field: "width") }
    }

    package func write(_ writer: inout WireWriter) {
        writer.integer(job)
        writer.integer(renditions.rawValue)
        writer.integer(quality)
        writer.integer(subWidth)
        writer.choice(format)
        writer.zeros(1)
        writer.integer(width)
        writer.integer(height)
    }
}
