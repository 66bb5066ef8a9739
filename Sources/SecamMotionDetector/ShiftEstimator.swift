/// The shift of the camera's picture relative to the background, in cells.
struct Shift {
    var x: Float = 0
    var y: Float = 0
    var isNone: Bool { x == 0 && y == 0 }

    /// Maximum shift by shaking, cells; only a turned camera shifts its picture by more.
    static let limit: Float = 10

    var limited: Shift {
        Shift(x: min(max(x, -Self.limit), Self.limit), y: min(max(y, -Self.limit), Self.limit))
    }
}

/// An estimator of camera shake: the shift that best explains, by least squares over the picture's gradients, the
/// difference of the current map and the background. Differences are clipped, so that moving objects have little
/// weight.
enum ShiftEstimator {
    private static let differenceLimit: Float = 12

    /// Returns the mean clipped difference, over a sample of the cells, of the map after undoing a shift by whole
    /// cells.
    static func difference(_ cells: DetectorGrid, x shiftX: Int, y shiftY: Int) -> Float {
        let width = cells.width
        let left = max(0, shiftX, -shiftX)
        let top = max(0, shiftY, -shiftY)
        var sum: Float = 0
        var taken = 0
        var row = top
        while row < cells.height &- top {
            let mean = unsafe cells.mean + row &* width
            let value = unsafe cells.current + (row &+ shiftY) &* width + shiftX
            var x = left
            while x < width &- left {
                sum += unsafe min((value[x] - mean[x]).magnitude, differenceLimit)
                taken &+= 1
                x &+= 3
            }
            row &+= 3
        }
        return taken == 0 ? 0 : sum / Float(taken)
    }

    /// Returns the shift in whole cells at which the column sums, and the row sums, match best.
    static func search(_ cells: DetectorGrid) -> (x: Int, y: Int) {
        let (width, height) = (cells.width, cells.height)
        let (now, usual) = unsafe (cells.spare, cells.spare + width)
        let (nowRows, usualRows) = unsafe (usual + width, usual + width + height)
        for x in 0..<2 * width { unsafe cells.spare[x] = 0 }
        for row in 0..<height {
            let value = unsafe cells.current + row &* width
            let mean = unsafe cells.mean + row &* width
            var (valueSum, meanSum) = (Float8(), Float8())
            var x = 0
            while x &+ 8 <= width {
                let (values, means) = unsafe ((value + x).lanes, (mean + x).lanes)
                unsafe (now + x).lanes += values
                unsafe (usual + x).lanes += means
                valueSum += values
                meanSum += means
                x &+= 8
            }
            unsafe nowRows[row] = valueSum.sum()
            unsafe usualRows[row] = meanSum.sum()
            while x < width {
                unsafe now[x] += value[x]
                unsafe usual[x] += mean[x]
                unsafe nowRows[row] += value[x]
                unsafe usualRows[row] += mean[x]
                x &+= 1
            }
        }
        return unsafe (bestShift(now, usual, width), bestShift(nowRows, usualRows, height))
    }

    /// Compares the steps between adjacent sums, which do not depend on the light.
    private static func bestShift(
        _ now: UnsafeMutablePointer<Float>, _ usual: UnsafeMutablePointer<Float>, _ count: Int
    ) -> Int {
        let most = min(Int(Shift.limit), count / 6)
        var best = 0
        var least = Float.infinity
        for shift in -most...most {
            var sums = Float8()
            var index = most
            let end = count - most - 1
            while index &+ 8 <= end {
                let moved = unsafe now + (index &+ shift)
                let a = unsafe (moved + 1).lanes - moved.lanes
                let b = unsafe (usual + (index &+ 1)).lanes - (usual + index).lanes
                sums += (a - b).magnitudes
                index &+= 8
            }
            var sum = sums.sum()
            while index < end {
                let a = unsafe now[index &+ shift &+ 1] - now[index &+ shift]
                let b = unsafe usual[index &+ 1] - usual[index]
                sum += (a - b).magnitude
                index &+= 1
            }
            if sum < least || (sum == least && abs(shift) < abs(best)) {
                least = sum
                best = shift
            }
        }
        return best
    }

    static func measure(_ cells: DetectorGrid, _ values: UnsafeMutablePointer<Float>) -> Shift {
        let width = cells.width
        var (xx, xy, yy, xd, yd): (Float, Float, Float, Float, Float) = (0, 0, 0, 0, 0)
        var row = 1
        while row < cells.height &- 1 {
            let mean = unsafe cells.mean + row &* width
            let value = unsafe values + row &* width
            var (rowXX, rowXY, rowYY, rowXD, rowYD) = (Float8(), Float8(), Float8(), Float8(), Float8())
            // Fewer than eight columns at the right edge are ignored; they would change little.
            var x = 1
            while x &+ 8 < width {
                let here = unsafe mean + x
                let gx = unsafe 0.5 * ((here + 1).lanes - (here - 1).lanes)
                let gy = unsafe 0.5 * ((here + width).lanes - (here - width).lanes)
                var difference = unsafe (value + x).lanes - here.lanes
                difference.replace(with: differenceLimit, where: difference .> differenceLimit)
                difference.replace(with: -differenceLimit, where: difference .< -differenceLimit)
                rowXX += gx * gx
                rowXY += gx * gy
                rowYY += gy * gy
                rowXD += gx * difference
                rowYD += gy * difference
                x &+= 8
            }
            xx += rowXX.sum()
            xy += rowXY.sum()
            yy += rowYY.sum()
            xd += rowXD.sum()
            yd += rowYD.sum()
            row &+= 1
        }
        // Regularization for pictures without edges in one direction, whose shift in that direction is undetermined.
        let ridge = 0.5 * Float(cells.count)
        let determinant = (xx + ridge) * (yy + ridge) - xy * xy
        guard determinant > 0 else { return Shift() }
        let dx = ((yy + ridge) * xd - xy * yd) / determinant
        let dy = ((xx + ridge) * yd - xy * xd) / determinant
        return Shift(x: dx, y: dy).limited
    }

    /// Writes `source` with the shift undone, by linear interpolation: value(x) = source(x - shift).
    static func undo(
        _ shift: Shift, _ cells: DetectorGrid, from source: UnsafeMutablePointer<Float>,
        to target: UnsafeMutablePointer<Float>
    ) {
        let width = cells.width
        let wholeX = (-shift.x).rounded(.down)
        let wholeY = (-shift.y).rounded(.down)
        let fx = -shift.x - wholeX
        let fy = -shift.y - wholeY
        let ox = Int(wholeX)
        let oy = Int(wholeY)
        for row in 0..<cells.height {
            let upper = unsafe source + min(max(row + oy, 0), cells.height - 1) * width
            let lower = unsafe source + min(max(row + oy + 1, 0), cells.height - 1) * width
            let out = unsafe target + row * width
            let first = max(0, -ox)
            let end = min(width, width - 1 - ox)
            var x = first
            while x < end {
                let a = unsafe upper[x &+ ox] + fy * (lower[x &+ ox] - upper[x &+ ox])
                let b = unsafe upper[x &+ ox &+ 1] + fy * (lower[x &+ ox &+ 1] - upper[x &+ ox &+ 1])
                unsafe out[x] = a + fx * (b - a)
                x &+= 1
            }
            // Cells that came into view have no background, so they are made equal to it.
            let mean = unsafe cells.mean + row * width
            for x in 0..<first { unsafe out[x] = mean[x] }
            for x in max(end, first)..<width { unsafe out[x] = mean[x] }
        }
    }
}
