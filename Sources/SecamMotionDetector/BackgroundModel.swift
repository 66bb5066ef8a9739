/// A model of the still scene, cell by cell: the mean of each value and its mean deviation.
struct BackgroundModel {
    let cells: DetectorGrid
    private let parameters: DetectorParameters
    /// Seconds since the last reset.
    private(set) var age: Float = 0
    /// Maps since the last reset.
    private(set) var maps = 0
    /// The shift by which the last map was compensated.
    private(set) var shift = Shift()
    /// Seconds since the map was last kept as ``DetectorGrid/next``.
    private var sinceRemembered: Float = 0

    init(width: Int, height: Int, factor: Int, parameters: DetectorParameters) {
        cells = DetectorGrid(width: width, height: height, factor: factor)
        self.parameters = parameters
    }

    /// Makes the current map the background. The model then learns quickly for a second; deviations are kept.
    mutating func reset() {
        let isFirst = maps == 0
        unsafe cells.mean.update(from: cells.current, count: cells.count)
        unsafe cells.recent.update(from: cells.current, count: cells.count)
        unsafe cells.next.update(from: cells.current, count: cells.count)
        if isFirst { startDeviations() }
        age = 0
        maps = 1
    }

    /// Sets the first deviations: edges may be restless, flat areas are not.
    private func startDeviations() {
        for row in 0..<cells.height {
            findExtremes(around: row)
            let at = row &* cells.width
            var x = 0
            while x < cells.width {
                let low = unsafe min(cells.rowLow[x], min(cells.rowLow[x &+ 1], cells.rowLow[x &+ 2]))
                let high = unsafe max(cells.rowHigh[x], max(cells.rowHigh[x &+ 1], cells.rowHigh[x &+ 2]))
                unsafe cells.deviation[at &+ x] = 1 + parameters.startDeviation * (high - low)
                x &+= 1
            }
        }
    }

    /// Writes the minimum and maximum mean of three rows into ``DetectorGrid/rowLow`` and ``DetectorGrid/rowHigh``.
    private func findExtremes(around row: Int) {
        let width = cells.width
        let middle = unsafe cells.mean + row &* width
        let above = unsafe cells.mean + max(row &- 1, 0) &* width
        let below = unsafe cells.mean + min(row &+ 1, cells.height &- 1) &* width
        let low = unsafe cells.rowLow + 1
        let high = unsafe cells.rowHigh + 1
        var x = 0
        while x < width {
            let (a, b, c) = unsafe (above[x], middle[x], below[x])
            let ab = a < b ? a : b
            let ba = a < b ? b : a
            unsafe low[x] = ab < c ? ab : c
            unsafe high[x] = ba < c ? c : ba
            x &+= 1
        }
        unsafe low[-1] = low[0]
        unsafe high[-1] = high[0]
        unsafe low[width] = low[width &- 1]
        unsafe high[width] = high[width &- 1]
    }

    /// Applies a change of light to the background.
    func followLight(_ light: LightChange) {
        guard light.slope != 0 || light.offset != 0 else { return }
        let (slope, offset) = (1 + light.slope, light.offset)
        let mean = unsafe cells.mean
        let recent = unsafe cells.recent
        let next = unsafe cells.next
        var index = 0
        while index < cells.count {
            unsafe mean[index] = unsafe mean[index] * slope + offset
            unsafe recent[index] = unsafe recent[index] * slope + offset
            unsafe next[index] = unsafe next[index] * slope + offset
            index &+= 1
        }
    }

    /// Compensates the shaking of the camera in the current map.
    mutating func compensateShift() {
        var total = Shift()
        let unmoved = ShiftEstimator.difference(cells, x: 0, y: 0)
        var least = unmoved
        if unmoved > parameters.shakenDifference {
            let found = ShiftEstimator.search(cells)
            // A shift must explain much of the difference, because a moving object explains a little of any shift.
            consider(found, under: parameters.shiftGain * unmoved, &total, &least)
            let before = (x: Int(shift.x.rounded()), y: Int(shift.y.rounded()))
            consider(before, under: parameters.shiftGain * unmoved, &total, &least)
        }
        if total.isNone {
            total = unsafe ShiftEstimator.measure(cells, cells.current)
            shift = Shift()
            guard max(total.x.magnitude, total.y.magnitude) > parameters.leastShift else { return }
        }
        // Gradients are valid only for a fraction of a cell, so the remaining shift is measured twice more.
        for _ in 0..<2 {
            unsafe ShiftEstimator.undo(total, cells, from: cells.current, to: cells.spare)
            let rest = unsafe ShiftEstimator.measure(cells, cells.spare)
            total = Shift(x: total.x + rest.x, y: total.y + rest.y).limited
        }
        unsafe ShiftEstimator.undo(total, cells, from: cells.current, to: cells.spare)
        cells.swapSpare()
        shift = Shift(x: -total.x, y: -total.y)
    }

    private func consider(
        _ candidate: (x: Int, y: Int), under limit: Float, _ total: inout Shift, _ least: inout Float
    ) {
        guard candidate != (0, 0) else { return }
        let rest = ShiftEstimator.difference(cells, x: candidate.x, y: candidate.y)
        guard rest < least, rest < limit else { return }
        least = rest
        total = Shift(x: -Float(candidate.x), y: -Float(candidate.y))
    }

    /// Fills ``DetectorGrid/ratio`` with the difference of the current map and the background, in thresholds. A leaf or
    /// a shaking camera moves a neighbour's value to a cell, so values within the range of the neighbours count half.
    ///
    /// - Returns: the share of watched cells that differ.
    func compare(factor: Float) -> Float {
        for row in 0..<cells.height {
            findExtremes(around: row)
            compareWithNeighbours(row)
        }
        compareWithMeans(base: parameters.baseThreshold * factor, deviations: parameters.deviations * factor)
        forgetBorder()
        var changed: Int32 = 0
        let ratio = unsafe cells.ratio
        var index = 0
        while index < cells.count {
            changed &+= unsafe ratio[index] >= 1 ? 1 : 0
            index &+= 1
        }
        return Float(changed) / max(Float(cells.watchedCount), 1)
    }

    /// Writes into ``DetectorGrid/ratio`` how far each value of a row is outside the range of the nine cells around it.
    private func compareWithNeighbours(_ row: Int) {
        let low = unsafe cells.rowLow
        let high = unsafe cells.rowHigh
        let current = unsafe cells.current + row &* cells.width
        let ratio = unsafe cells.ratio + row &* cells.width
        let width = cells.width
        var x = 0
        while x < width {
            let value = unsafe current[x]
            let (l0, l1, l2) = unsafe (low[x], low[x &+ 1], low[x &+ 2])
            let (h0, h1, h2) = unsafe (high[x], high[x &+ 1], high[x &+ 2])
            let l01 = l0 < l1 ? l0 : l1
            let h01 = h0 < h1 ? h1 : h0
            let under = (l01 < l2 ? l01 : l2) - value
            let over = value - (h01 < h2 ? h2 : h01)
            let beyond = under < over ? over : under
            unsafe ratio[x] = beyond < 0 ? 0 : beyond
            x &+= 1
        }
    }

    private func compareWithMeans(base: Float, deviations: Float) {
        let current = unsafe cells.current
        let mean = unsafe cells.mean
        let deviation = unsafe cells.deviation
        let ratio = unsafe cells.ratio
        let watched = unsafe cells.watched
        let count = cells.count
        var index = 0
        while index < count {
            let difference = unsafe (current[index] - mean[index]).magnitude
            let noisy = unsafe deviations * deviation[index]
            let threshold = noisy < base ? base : noisy
            unsafe ratio[index] = 0.5 * (difference + ratio[index]) / threshold * watched[index]
            index &+= 1
        }
    }

    /// Ignores the picture's border while the camera shakes, because the model rarely sees it.
    private func forgetBorder() {
        guard max(shift.x.magnitude, shift.y.magnitude) >= 0.5 else { return }
        let (width, height) = (cells.width, cells.height)
        let columns = Int(shift.x.magnitude) + 2
        let rows = Int(shift.y.magnitude) + 2
        for row in 0..<height {
            let isBorder = row < rows || row >= height - rows
            let line = unsafe cells.ratio + row * width
            for column in 0..<(isBorder ? width : min(columns, width)) { unsafe line[column] = 0 }
            for column in max(0, width - columns)..<width { unsafe line[column] = 0 }
        }
    }

    /// Learns the background cells. ``learn(_:as:seconds:)`` learns the others.
    mutating func learn(seconds: Float) {
        age += seconds
        maps += 1
        let rate = max(rate(parameters.meanSeconds, seconds), warmRate)
        let up = max(self.rate(parameters.deviationRiseSeconds, seconds), warmRate)
        let down = max(self.rate(parameters.deviationFallSeconds, seconds), 0.5 * warmRate)
        sinceRemembered += seconds
        if sinceRemembered >= parameters.recentSeconds {
            sinceRemembered = 0
            cells.remember()
        }
        let weak = parameters.weak
        let current = unsafe cells.current
        let mean = unsafe cells.mean
        let deviation = unsafe cells.deviation
        let ratio = unsafe cells.ratio
        var index = 0
        while index < cells.count {
            let value = unsafe current[index]
            let difference = unsafe value - mean[index]
            let still: Float = unsafe ratio[index] < weak ? 1 : 0
            unsafe mean[index] += still * rate * difference
            let stray = unsafe difference.magnitude - deviation[index]
            let step = stray < 0 ? down : up
            unsafe deviation[index] += still * step * stray
            index &+= 1
        }
    }

    private var warmRate: Float { age < parameters.meanSeconds ? 1 / Float(maps) : 0 }

    private func rate(_ constant: Float, _ seconds: Float) -> Float { seconds / (constant + seconds) }

    /// Returns the learning rates for the cells of a region.
    private func learning(_ kind: Region.Kind, seconds: Float) -> (mean: Float, up: Float) {
        let warm = age < parameters.warmSeconds ? 1 / Float(maps + 1) : 0
        return switch kind {
        case .flicker:
            (
                max(warm, rate(parameters.flickerSeconds, seconds)),
                max(warm, rate(parameters.flickerRiseSeconds, seconds))
            )
        case .mover: (max(warm, rate(parameters.moverSeconds, seconds)), rate(parameters.moverRiseSeconds, seconds))
        case .still: (rate(parameters.stillSeconds, seconds), rate(parameters.moverRiseSeconds, seconds))
        case .light: (1, 0)
        }
    }

    /// Learns the cells of a run.
    func learn(_ run: RegionFinder.Run, as kind: Region.Kind, seconds: Float) {
        let rates = learning(kind, seconds: seconds)
        let row = Int(run.row) &* cells.width
        var index = row &+ Int(run.first)
        while index <= row &+ Int(run.last) {
            let difference = unsafe cells.current[index] - cells.mean[index]
            let stray = unsafe difference.magnitude - cells.deviation[index]
            unsafe cells.mean[index] += rates.mean * difference
            if stray > 0 { unsafe cells.deviation[index] += rates.up * stray }
            index &+= 1
        }
    }
}
