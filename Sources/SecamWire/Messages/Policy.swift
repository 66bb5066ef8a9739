/// What the registry wants of a camera.
///
///     offset  size  field
///     0       1     quality      of the JPEGs, 1 to 100
///     1       1     watched      1 when motion is to be looked for at present
///     2       2     subWidth     widest `sub` picture, pixels
///     4       2     ringSeconds  how long the ring remembers
///     6       1     kept         set of renditions that are made also when nobody has a flow on them
///     7       1     reserved     0
///     8       8     ringBytes    how much the ring remembers
///     16      2+n   camera
package struct Policy: WireMessage {
    package static let type = MessageType.policy
    package let quality: UInt8
    /// Whether motion is to be looked for at present, so that it is news when nobody does.
    package let watched: Bool
    package let subWidth: UInt16
    package let ringSeconds: UInt16
    /// For pre-roll: what is made also when nobody has a flow on it.
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
