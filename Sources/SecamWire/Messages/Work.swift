/// A camera hands a picture to a worker, which uses up one job of its grant; the picture's bytes are the payload.
///
///     offset  size  field
///     0       2     headerLength  bytes before the payload, this field included
///     2       8     job           unique within the camera's incarnation
///     10      1     renditions    what is asked for: bit 0 jpeg, 1 sub, 2 luma
///     11      1     quality       of the JPEGs, 1 to 100
///     12      2     subWidth      widest `sub` picture, pixels
///     14      1     format        of the payload; rows lie side by side without padding
///     15      1     reserved      0
///     16      2     width         pixels
///     18      2     height        pixels
package struct Work: PayloadMessage {
    package static let type = MessageType.work
    package let job: UInt64
    package let renditions: RenditionSet
    package let quality: UInt8
    package let subWidth: UInt16
    package let format: PixelFormat
    package let width: UInt16
    package let height: UInt16

    package init(
        job: UInt64, renditions: RenditionSet, quality: UInt8, subWidth: UInt16, format: PixelFormat,
        width: UInt16, height: UInt16
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
        guard width > 0, width <= WireLimits.side else { throw .badValue(field: "width") }
        guard height > 0, height <= WireLimits.side else { throw .badValue(field: "height") }
    }

    package func write(_ writer: inout WireWriter) {
        writer.integer(job)
        writer.integer(renditions.rawValue)
        writer.integer(quality)
        writer.integer(subWidth)
        writer.choice(format)
        writer.integer(UInt8(0))
        writer.integer(width)
        writer.integer(height)
    }
}
