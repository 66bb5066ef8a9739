/// How the light of the whole picture changed from the background to the current map: value = mean + slope * mean +
/// offset.
struct LightChange {
    var slope: Float = 0
    var offset: Float = 0
}

/// Finds ``LightChange`` from a sample of the cells: medians, so that what covers less than half does not count.
struct LightMeter: ~Copyable {
    /// Differences of -128…128 in quarters; larger ones are counted at the ends.
    private static let bins = 1024
    /// Every seventh cell: no multiple of it is a usual width, so the sample has all columns.
    private static let sampled = 7
    private var dark = [UInt16](repeating: 0, count: bins)
    private var bright = [UInt16](repeating: 0, count: bins)

    mutating func measure(_ cells: Cells) -> LightChange {
        var sum: Float = 0
        var taken = 0
        var index = 0
        while index < cells.count {
            sum += unsafe cells.mean[index]
            taken &+= 1
            index &+= Self.sampled
        }
        let middle = sum / Float(taken)
        for bin in 0..<Self.bins {
            dark[bin] = 0
            bright[bin] = 0
        }
        var (darkCount, brightCount) = (0, 0)
        var (darkSum, brightSum) = (Float(0), Float(0))
        index = 0
        while index < cells.count {
            let mean = unsafe cells.mean[index]
            let difference = unsafe cells.current[index] - mean
            let bin = min(max(Int(difference * 4) &+ Self.bins / 2, 0), Self.bins &- 1)
            if mean < middle {
                dark[bin] &+= 1
                darkCount &+= 1
                darkSum += mean
            } else {
                bright[bin] &+= 1
                brightCount &+= 1
                brightSum += mean
            }
            index &+= Self.sampled
        }
        let total = darkCount + brightCount
        guard darkCount * 5 > total, brightCount * 5 > total else {
            let median = Self.median(of: darkCount > brightCount ? dark : bright, count: max(darkCount, brightCount))
            return LightChange(slope: 0, offset: median)
        }
        let low = Self.median(of: dark, count: darkCount)
        let high = Self.median(of: bright, count: brightCount)
        let distance = brightSum / Float(brightCount) - darkSum / Float(darkCount)
        guard distance > 20 else { return LightChange(slope: 0, offset: 0.5 * (low + high)) }
        let slope = min(max((high - low) / distance, -0.5), 0.5)
        let center = 0.5 * (darkSum / Float(darkCount) + brightSum / Float(brightCount))
        return LightChange(slope: slope, offset: 0.5 * (low + high) - slope * center)
    }

    private static func median(of bins: [UInt16], count: Int) -> Float {
        var seen = 0
        for bin in 0..<Self.bins {
            seen += Int(bins[bin])
            if seen * 2 >= count {
                return Float(bin - Self.bins / 2) / 4
            }
        }
        return 0
    }
}
