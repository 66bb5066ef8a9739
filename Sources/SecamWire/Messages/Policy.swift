/// The registry's settings for a camera.
///
///     offset  type    field        meaning
///     0       u8      quality      quality of the JPEGs, 1 to 100
///     1       u8      watched      0 or 1; 1 if motion detection is required at present
///     2       u16     subWidth     maximum width of the sub picture, pixels, 16 to 16384
///     4       u16     ringSeconds  length of the ring, seconds, not 0
///     6       u8      kept         set of renditions to make even without a flow, for pre-roll
///     7       zero 1  reserved
///     8       u64     ringBytes    size of the ring, bytes, not 0
///     16      name    camera       the camera that this policy is for
package struct Policy: WireMessage {
    package static let type = MessageType.policy
    package let quality: UInt8
    /// Whether motion detection is required at present. The camera then reports when no motion service watches it.
    package let watched: Bool
    package let subWidth: UInt16
    package let ringSeconds: UInt16
    /// Renditions to make even without a flow, for pre-roll.
    package let kept: RenditionSet
    package let ringBytes: UInt64
    package let camera: Name

    package init(
        quality: UInt8, watched: Bool, subWidth: UInt16, ringSeconds: UInt16, kept: RenditionSet, ringBytes: UInt64,
        camera: Name
    ) {
        self.quality = quality
        self.watched = watched
        self.subWidth = subWidth
        self.ringSeconds = ringSeconds
        self.kept = kept
        self.ringBytes = ringBytes
        self.camera = camera
    }

    package init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
        quality = try reader.integer("quality", bytes)
        guard (1...100).contains(quality) else { throw .badValue(field: "quality") }
        let flag = try reader.integer("watched", as: UInt8.self, bytes)
        guard flag <= 1 else { throw .badValue(field: "watched") }
        watched = flag == 1
        subWidth = try reader.integer("subWidth", bytes)
        guard (16...WireLimits.side).contains(Int(subWidth)) else { throw .badValue(field: "subWidth") }
        ringSeconds = try reader.integer("ringSeconds", bytes)
        guard ringSeconds > 0 else { throw .badValue(field: "ringSeconds") }
        kept = RenditionSet(rawValue: try reader.integer("kept", bytes))
        guard kept.isSubset(of: .all) else { throw .badValue(field: "kept") }
        try reader.skip("reserved", count: 1)
        ringBytes = try reader.integer("ringBytes", bytes)
        guard ringBytes > 0 else { throw .badValue(field: "ringBytes") }
        camera = try reader.name("camera", bytes)
    }

    package func write(_ writer: inout WireWriter) {
        writer.integer(quality)
        writer.integer(UInt8(watched ? 1 : 0))
        writer.integer(subWidth)
        writer.integer(ringSeconds)
        writer.integer(kept.rawValue)
        writer.integer(UInt8(0))
        writer.integer(ringBytes)
        writer.name(camera)
    }
}
