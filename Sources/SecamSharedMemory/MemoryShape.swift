package import SecamWire

/// The division of a memory file into slots of one length. Each slot has a header with its generation, then the picture.
package struct MemoryShape: Equatable, Sendable {
    /// Size of a slot's header, bytes: a cache line, so that pictures are aligned to one.
    package static let headerLength = 64
    /// Slots of a camera's file. Encoders hold few pictures at once; more that wait travel in messages.
    package static let usualSlots = 8
    /// Fewer slots would be taken nearly always.
    package static let fewestSlots = 2
    private static let pageSize = 4096

    package let slots: Int
    /// Length of a slot, header included, bytes.
    package let slotLength: Int

    /// Returns the shape for pictures of at most `count` bytes; `nil` if a memory file has no room for enough of them.
    package init?(pictureLength count: Int) {
        guard (1...WireLimits.memoryFile).contains(count) else { return nil }
        let pages = (count + MemoryShape.headerLength + MemoryShape.pageSize - 1) / MemoryShape.pageSize
        slotLength = pages * MemoryShape.pageSize
        slots = min(MemoryShape.usualSlots, WireLimits.memoryFile / slotLength)
        guard slots >= MemoryShape.fewestSlots else { return nil }
    }

    /// Returns the shape that a camera states; `nil` if it is not allowed.
    package init?(_ share: Share) {
        (slots, slotLength) = (Int(share.slots), Int(share.slotLength))
        // Aligned, so that the generation is read in one piece.
        guard (1...WireLimits.slots).contains(slots), slotLength > MemoryShape.headerLength,
            slotLength % MemoryShape.headerLength == 0, byteCount <= WireLimits.memoryFile
        else { return nil }
    }

    /// Size of the file, bytes.
    package var byteCount: Int { slots * slotLength }

    /// Length of the largest picture, bytes.
    package var pictureLimit: Int { slotLength - MemoryShape.headerLength }

    /// Returns the offset of a slot in the file; `nil` if there is no such slot.
    func offset(of slot: Int) -> Int? { (0..<slots).contains(slot) ? slot * slotLength : nil }
}
