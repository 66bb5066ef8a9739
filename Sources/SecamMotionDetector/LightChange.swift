/// The change of light in the whole picture from the background to the current map: value = mean + slope * mean +
/// offset. Exposure multiplies, so bright cells change more.
struct LightChange {
    var slope: Float = 0
    var offset: Float = 0
}

/// A meter that finds the ``LightChange`` from a sample of the cells. It uses the medians of the dark and the bright
/// half, so objects that cover less than half of the picture have no effect.
struct LightMeter: ~Copyable {
    /// Differences of -128…128 in quarters; larger ones count in the first and last bin.
    private static let bins = 1024
    /// Every seventh cell is sampled. Usual widths are not multiples of seven, so the sample covers all columns.
    private static let sampled = 7
    /// Histograms of the dark half, then of the bright half.
    private var counts = [UInt16](repeating: 0, count: 2 * bins)

    mutating func measure(_ cells: DetectorGrid) -> LightChange {
        var sum: Float = 0
        var taken = 0
        var index = 0
        while index < cells.count {
            sum += unsafe cells.mean[index]
            taken &+= 1
            index &+= Self.sampled
        }
        let middle = sum / Float(taken)
        return unsafe counts.withUnsafeMutableBufferPointer { counts in
            unsafe counts.update(repeating: 0)
            return unsafe Self.measure(cells, middle: middle, counts.baseAddress!)
        }
    }

    private static func measure(
        _ cells: DetectorGrid, middle: Float, _ dark: UnsafeMutablePointer<UInt16>
    ) -> LightChange {
        let bright = unsafe dark + bins
        var (total, darkCount) = (0, 0)
        var (sum, darkSum) = (Float(0), Float(0))
        var index = 0
        // Branch-free, because the half of a cell is unpredictable.
        while index < cells.count {
            let mean = unsafe cells.mean[index]
            let difference = unsafe cells.current[index] - mean
            let quarters = min(max(difference * 4, Float(-bins / 2)), Float(bins / 2 - 1))
            let bin = Int(quarters) &+ bins / 2
            let isBright = mean < middle ? 0 : 1
            unsafe dark[bin &+ isBright &* bins] &+= 1
            darkCount &+= 1 &- isBright
            sum += mean
            darkSum += mean < middle ? mean : 0
            total &+= 1
            index &+= sampled
        }
        let brightCount = total - darkCount
        let brightSum = sum - darkSum
        guard darkCount * 5 > total, brightCount * 5 > total else {
            let median = unsafe Self.median(
                of: darkCount > brightCount ? dark : bright, count: max(darkCount, brightCount))
            return LightChange(slope: 0, offset: median)
        }
        let low = unsafe Self.median(of: dark, count: darkCount)
        let high = unsafe Self.median(of: bright, count: brightCount)
        let distance = brightSum / Float(brightCount) - darkSum / Float(darkCount)
        guard distance > 20 else { return LightChange(slope: 0, offset: 0.5 * (low + high)) }
        let slope = min(max((high - low) / distance, -0.5), 0.5)
        let center = 0.5 * (darkSum / Float(darkCount) + brightSum / Float(brightCount))
        return LightChange(slope: slope, offset: 0.5 * (low + high) - slope * center)
    }

    private static func median(of bins: UnsafeMutablePointer<UInt16>, count: Int) -> Float {
        var seen = 0
        for bin in 0..<Self.bins {
            seen &+= unsafe Int(bins[bin])
            if seen * 2 >= count {
                return Float(bin - Self.bins / 2) / 4
            }
        }
        return 0
    }
}
