import SecamWire

/// Counts the missing frames that a camera's gaps report. A gap is reported again when frames are requested again.
struct MissedFrames {
    private(set) var count: UInt64 = 0
    /// The last frame that was counted.
    private var last: (incarnation: UInt64, sequence: UInt64)?

    mutating func add(_ gap: Gap) {
        var fresh = gap.missing
        if let last, last.incarnation == gap.incarnation {
            guard let rest = fresh.suffix(after: last.sequence) else { return }
            fresh = rest
        }
        count = count.addingSaturated(fresh.count)
        last = (gap.incarnation, fresh.last)
    }
}
