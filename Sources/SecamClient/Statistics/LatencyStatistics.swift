/// A histogram of latencies in bounded memory. Bucket widths grow with the value, so the error of a percentile is below
/// 1 %.
package struct LatencyStatistics: Sendable {
    /// Binary logarithm of the number of buckets for each doubling of the value.
    private static let precision = 6
    /// Longer latencies count as this, in microseconds: 19 hours.
    private static let longest: Int64 = 1 << 36
    private static let bucketCount = bucket(longest) + 1

    private var counts = [UInt64](repeating: 0, count: bucketCount)
    package private(set) var count: UInt64 = 0

    package init() {}

    /// - Parameter microseconds: a negative value, from clocks that disagree, counts as 0.
    package mutating func record(microseconds: Int64) {
        counts[Self.bucket(max(0, min(microseconds, Self.longest)))] += 1
        count += 1
    }

    /// Returns a percentile in microseconds, such as the median for `fraction` 0.5; `nil` without values.
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

    /// Returns the index of a value's bucket. Values below `2^precision` have a bucket each; above that, each doubling has
    /// `2^precision` buckets.
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
