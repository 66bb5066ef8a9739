/// Percentiles of durations in bounded memory: counts in buckets whose width grows with the value, so that each answer
/// is off by less than 1 %.
package struct LatencyStatistics: Sendable {
    /// Buckets for each doubling, as a power of two.
    private static let precision = 6
    /// Longer durations count as this long: 2^36 µs, 19 hours.
    private static let longest: Int64 = 1 << 36
    private static let bucketCount = bucket(longest) + 1

    private var counts = [UInt64](repeating: 0, count: bucketCount)
    package private(set) var count: UInt64 = 0

    package init() {}

    /// - Parameter microseconds: negative ones, from clocks that disagree, count as 0.
    package mutating func record(_ microseconds: Int64) {
        counts[Self.bucket(max(0, min(microseconds, Self.longest)))] += 1
        count += 1
    }

    /// The duration in microseconds that the part `fraction` of all durations does not exceed; nil without any.
    package func percentile(_ fraction: Double) -> Double? {
        guard count > 0 else { return nil }
        let rank = max(1, min(count, UInt64((Double(count) * fraction).rounded(.up))))
        var seen: UInt64 = 0
        for index in counts.indices {
            seen += counts[index]
            if seen >= rank { return Self.middle(of: index) }
        }
        return nil
    }

    /// Below `2^precision` each value has its own bucket; above, each doubling has `2^precision`.
    private static func bucket(_ value: Int64) -> Int {
        let bits = Int64.bitWidth - value.leadingZeroBitCount
        let shift = max(0, bits - precision - 1)
        return shift << precision + Int(value >> Int64(shift))
    }

    private static func middle(of bucket: Int) -> Double {
        let size = 1 << precision
        guard bucket >= 2 * size else { return Double(bucket) }
        let shift = bucket / size - 1
        let low = (bucket - shift * size) << shift
        return Double(low) + Double((1 << shift) - 1) / 2
    }
}
