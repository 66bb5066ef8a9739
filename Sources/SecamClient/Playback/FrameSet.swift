import SecamWire

/// A set of frames, by incarnation and sequence number. It stores ranges, so successive frames need no further memory.
struct FrameSet: Sendable {
    /// Sorted ranges of sequence numbers, by incarnation. There is a gap between any two ranges.
    private var ranges: [UInt64: [ClosedRange<UInt64>]] = [:]

    /// - Returns: whether the frame is new in the set.
    mutating func insert(_ frame: Frame) -> Bool {
        insert(frame.sequence, of: frame.incarnation)
    }

    mutating func insert(_ sequence: UInt64, of incarnation: UInt64) -> Bool {
        var list = ranges.removeValue(forKey: incarnation) ?? []
        defer { ranges[incarnation] = list }
        let next = Self.firstRange(in: list, endingAtOrAfter: sequence)
        if next < list.count, list[next].contains(sequence) { return false }
        let joinsBefore = next > 0 && list[next - 1].upperBound + 1 == sequence
        let joinsAfter = next < list.count && sequence + 1 == list[next].lowerBound
        switch (joinsBefore, joinsAfter) {
        case (true, true):
            list[next - 1] = list[next - 1].lowerBound...list[next].upperBound
            list.remove(at: next)
        case (true, false): list[next - 1] = list[next - 1].lowerBound...sequence
        case (false, true): list[next] = sequence...list[next].upperBound
        case (false, false): list.insert(sequence...sequence, at: next)
        }
        return true
    }

    private static func firstRange(in list: [ClosedRange<UInt64>], endingAtOrAfter sequence: UInt64) -> Int {
        var (low, high) = (0, list.count)
        while low < high {
            let middle = (low + high) / 2
            if list[middle].upperBound < sequence { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
