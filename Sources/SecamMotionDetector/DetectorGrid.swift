/// The planes of the model, one value per cell, in one allocation for the lifetime of a map size.
@safe final class DetectorGrid {
    let width: Int
    let height: Int
    /// Pixels of the map per side of a cell.
    let factor: Int
    var count: Int { width * height }

    /// The current map, as means of boxes of pixels.
    private(set) var current: UnsafeMutablePointer<Float>
    /// The expected value.
    let mean: UnsafeMutablePointer<Float>
    /// The mean difference of the current value from the expected one.
    let deviation: UnsafeMutablePointer<Float>
    /// The map of some tenths of a second ago, from which moving objects differ.
    private(set) var recent: UnsafeMutablePointer<Float>
    /// The map that becomes ``recent`` next.
    private(set) var next: UnsafeMutablePointer<Float>
    /// Scratch memory for one plane.
    private(set) var spare: UnsafeMutablePointer<Float>
    /// The difference from the background in thresholds; 0 for unwatched cells.
    let ratio: UnsafeMutablePointer<Float>
    /// 1 for watched cells, otherwise 0.
    let watched: UnsafeMutablePointer<Float>
    private(set) var watchedCount = 0
    /// The minimum of three rows, with one more value at each end.
    let rowLow: UnsafeMutablePointer<Float>
    /// The maximum of three rows, with one more value at each end.
    let rowHigh: UnsafeMutablePointer<Float>
    private let memory: UnsafeMutablePointer<Float>

    init(width: Int, height: Int, factor: Int) {
        self.width = width
        self.height = height
        self.factor = factor
        let count = width * height
        let total = 8 * count + 2 * (width + 2)
        unsafe memory = .allocate(capacity: total)
        unsafe memory.initialize(repeating: 0, count: total)
        unsafe current = memory
        unsafe mean = memory + count
        unsafe deviation = memory + 2 * count
        unsafe recent = memory + 3 * count
        unsafe ratio = memory + 4 * count
        unsafe watched = memory + 5 * count
        unsafe next = memory + 6 * count
        unsafe spare = memory + 7 * count
        unsafe rowLow = memory + 8 * count
        unsafe rowHigh = rowLow + width + 2
    }

    deinit {
        unsafe memory.deallocate()
    }

    /// Sets the watched cells: those whose centre is watched.
    func setWatched(_ zones: [MotionZone]) {
        watchedCount = 0
        for row in 0..<height {
            for column in 0..<width {
                let x = (Double(column) + 0.5) / Double(width)
                let y = (Double(row) + 0.5) / Double(height)
                let isWatched = zones.watches(x: x, y: y)
                unsafe watched[row * width + column] = isWatched ? 1 : 0
                watchedCount += isWatched ? 1 : 0
            }
        }
    }

    func swapSpare() { unsafe swap(&current, &spare) }

    /// Moves ``next`` to ``recent``, and the current map to ``next``.
    func remember() {
        unsafe swap(&recent, &next)
        unsafe next.update(from: current, count: count)
    }

    /// Fills ``current`` from the map.
    func load(_ map: Span<UInt8>, width: Int, height: Int) {
        precondition(map.count == width * height && self.width == (width + factor - 1) / factor)
        unsafe map.withUnsafeBufferPointer { bytes in
            guard let map = bytes.baseAddress else { return }
            unsafe load(map, width, height)
        }
    }

    private func load(_ map: UnsafePointer<UInt8>, _ mapWidth: Int, _ mapHeight: Int) {
        for row in 0..<height {
            let top = row &* factor
            let rows = min(factor, mapHeight &- top)
            let target = unsafe current + row &* width
            if factor == 1 {
                let source = unsafe map + top &* mapWidth
                var x = 0
                while x < width {
                    unsafe target[x] = Float(source[x])
                    x &+= 1
                }
            } else if factor == 2 {
                let upper = unsafe map + top &* mapWidth
                let lower = unsafe map + (top &+ rows &- 1) &* mapWidth
                let whole = mapWidth / 2
                var x = 0
                while x &+ 8 <= whole {
                    let above = unsafe UnsafeRawPointer(upper + 2 &* x).loadUnaligned(as: SIMD16<UInt8>.self)
                    let below = unsafe UnsafeRawPointer(lower + 2 &* x).loadUnaligned(as: SIMD16<UInt8>.self)
                    let left =
                        SIMD8<UInt16>(truncatingIfNeeded: above.evenHalf)
                        &+ SIMD8<UInt16>(truncatingIfNeeded: below.evenHalf)
                    let right =
                        SIMD8<UInt16>(truncatingIfNeeded: above.oddHalf)
                        &+ SIMD8<UInt16>(truncatingIfNeeded: below.oddHalf)
                    unsafe (target + x).lanes = Float8(SIMD8<Int32>(truncatingIfNeeded: left &+ right)) * 0.25
                    x &+= 8
                }
                while x < whole {
                    let sum =
                        unsafe UInt16(truncatingIfNeeded: upper[2 &* x])
                        &+ UInt16(truncatingIfNeeded: upper[2 &* x &+ 1])
                        &+ UInt16(truncatingIfNeeded: lower[2 &* x])
                        &+ UInt16(truncatingIfNeeded: lower[2 &* x &+ 1])
                    unsafe target[x] = Float(Int32(truncatingIfNeeded: sum)) * 0.25
                    x &+= 1
                }
                if whole < width {
                    unsafe target[whole] = 0.5 * (Float(upper[mapWidth &- 1]) + Float(lower[mapWidth &- 1]))
                }
            } else {
                unsafe loadBoxes(map + top &* mapWidth, mapWidth, rows: rows, into: target)
            }
        }
    }

    private func loadBoxes(
        _ source: UnsafePointer<UInt8>, _ mapWidth: Int, rows: Int, into target: UnsafeMutablePointer<Float>
    ) {
        for x in 0..<width {
            let left = x &* factor
            let columns = min(factor, mapWidth &- left)
            var sum = 0
            for y in 0..<rows {
                for column in 0..<columns { sum &+= unsafe Int(source[y &* mapWidth &+ left &+ column]) }
            }
            unsafe target[x] = Float(sum) / Float(rows &* columns)
        }
    }
}
