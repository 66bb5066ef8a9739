// Generated from proto-spec/schema.json by `swift run secam-protocol`: do not edit.

/// POLICY: Carries a camera's policy.
///
///     offset  size  field
///     0       1     quality
///     1       1     watched
///     2       2     subWidth
///     4       2     ringSeconds
///     6       1     kept
///     7       1     reserved
///     8       8     ringBytes
///     16      2+n   camera
package struct Policy: WireMessage {
    package static let type = MessageType.policy
    /// Quality of the JPEGs, 1 to 100.
    package let quality: UInt8
    /// True if motion detection is required at present.
    package let watched: Bool
    /// Maximum width of the `sub` picture, pixels, 16 to 16384.
    package let subWidth: UInt16
    /// Length of the ring, seconds, not 0.
    package let ringSeconds: UInt16
    /// Set of renditions to make even without a flow, for pre-roll.
    package let kept: RenditionSet
    /// Size of the ring, bytes, not 0.
    package let ringBytes: UInt64
    /// The camera that this policy is for.
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
        watched = try reader.flag("watched", bytes)
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
        writer.flag(watched)
        writer.integer(subWidth)
        writer.integer(ringSeconds)
        writer.integer(kept.rawValue)
        writer.zeros(1)
        writer.integer(ringBytes)
        writer.name(camera)
    }
}
