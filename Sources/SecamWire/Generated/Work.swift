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
///     20      8     memory, since version 2
///     28      2     slot, since version 2
///     30      8     generation, since version 2
///     38      4     length, since version 2
package struct Work: PayloadMessage {
    package static let type = MessageType.work
    package static let version: UInt8 = 2
    /// Unique within the camera's incarnation, and unpredictable.
    package let job: UInt64
    /// Set of requested renditions: bit 0 jpeg, 1 sub, 2 luma; not 0, no other bits.
    package let renditions: RenditionSet
    /// Quality of the JPEGs, 1 to 100, as in libjpeg.
    package let quality: UInt8
    /// Maximum width of the `sub` picture, pixels, 16 to 16384.
    package let subWidth: UInt16
    /// Format of the picture.
    package let format: PixelFormat
    /// Pixels, 1 to 16384.
    package let width: UInt16
    /// Pixels, 1 to 16384.
    package let height: UInt16
    /// Number of the memory file that holds the picture; 0 if the payload holds it.
    package let memory: UInt64
    /// Slot of the memory file, from 0.
    package let slot: UInt16
    /// Generation of the slot.
    package let generation: UInt64
    /// Bytes of the picture in the slot.
    package let length: UInt32

    package init(
        job: UInt64, renditions: RenditionSet, quality: UInt8, subWidth: UInt16, format: PixelFormat, width: UInt16,
        height: UInt16, memory: UInt64 = 0, slot: UInt16 = 0, generation: UInt64 = 0, length: UInt32 = 0
    ) {
        self.job = job
        self.renditions = renditions
        self.quality = quality
        self.subWidth = subWidth
        self.format = format
        self.width = width
        self.height = height
        self.memory = memory
        self.slot = slot
        self.generation = generation
        self.length = length
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
        if reader.version >= 2 {
            memory = try reader.integer("memory", bytes)
            slot = try reader.integer("slot", bytes)
            generation = try reader.integer("generation", bytes)
            length = try reader.integer("length", bytes)
        } else {
            memory = 0
            slot = 0
            generation = 0
            length = 0
        }
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
        writer.integer(memory)
        writer.integer(slot)
        writer.integer(generation)
        writer.integer(length)
    }
}
