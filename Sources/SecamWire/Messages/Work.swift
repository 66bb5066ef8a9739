/// A camera's picture for a worker, which uses up one job of its grant. The payload is the picture.
///
///     offset  type            field         meaning
///     0       u16             headerLength  bytes before the payload, this field included: 20
///     2       u64             job           unique within the camera's incarnation, and unpredictable
///     10      u8              renditions    set of requested renditions: bit 0 jpeg, 1 sub, 2 luma; not 0, no other
///                                           bits
///     11      u8              quality       quality of the JPEGs, 1 to 100, as in libjpeg
///     12      u16             subWidth      maximum width of the sub picture, pixels, 16 to 16384
///     14      u8 PixelFormat  format        format of the payload
///     15      zero 1          reserved
///     16      u16             width         pixels, 1 to 16384
///     18      u16             height        pixels, 1 to 16384
///     20      payload         payload       the picture
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
