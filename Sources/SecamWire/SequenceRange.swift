/// Consecutive sequence numbers of a camera's frames or events, both ends included.
package struct SequenceRange: Sendable, Hashable {
    package let first: UInt64
    package let last: UInt64

    /// - Returns: `nil` for an empty range or one beyond the largest sequence number.
    package init?(_ first: UInt64, through last: UInt64) {
        guard first <= last, last <= WireLimits.sequence else { return nil }
        self.first = first
        self.last = last
    }

    /// Number of sequence numbers, at most `WireLimits.sequence` + 1.
    package var count: UInt64 { last - first + 1 }

    /// Returns the numbers above `sequence`; `nil` when there are none.
    package func suffix(after sequence: UInt64) -> SequenceRange? {
        guard sequence < last else { return nil }
        return SequenceRange(max(first, sequence + 1), through: last)
    }

    /// Returns the parts of this range outside the others.
    ///
    /// - Parameter others: sorted by their first numbers.
    package func subtracting(_ others: some Sequence<SequenceRange>) -> [SequenceRange] {
        var left: [SequenceRange] = []
        var rest: SequenceRange? = self
        for other in others {
            guard let range = rest, other.first <= range.last else { break }
            if other.first > range.first, let before = SequenceRange(range.first, through: other.first - 1) {
                left.append(before)
            }
            rest = range.suffix(after: other.last)
        }
        return left + (rest.map { [$0] } ?? [])
    }
}

extension SequenceRange: WireElement {
    init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
        let first = try reader.sequence("first", bytes)
        guard let range = SequenceRange(first, through: try reader.sequence("last", bytes)) else {
            throw .badValue(field: "last")
        }
        self = range
    }

    func write(_ writer: inout WireWriter) {
        writer.integer(first)
        writer.integer(last)
    }
}
