/// A finder of the regions of a map. It joins the runs of each row with adjacent runs of the row above (8 neighbours).
struct RegionFinder: ~Copyable {
    static let runLimit = 4096
    static let regionLimit = 96

    struct Run {
        var row: Int32
        var first: Int32
        var last: Int32
        var parent: Int32
    }

    private(set) var runs: [Run] = []
    private(set) var regions: [Region] = []
    /// The region of each run; -1 for none.
    private(set) var regionOfRun: [Int32] = []
    private var sums: [Region] = []

    init() {
        runs.reserveCapacity(Self.runLimit)
        sums.reserveCapacity(Self.runLimit)
        regionOfRun.reserveCapacity(Self.runLimit)
        regions.reserveCapacity(Self.regionLimit)
    }

    mutating func find(_ cells: DetectorGrid, _ parameters: DetectorParameters, factor: Float) {
        runs.removeAll(keepingCapacity: true)
        sums.removeAll(keepingCapacity: true)
        var above = 0..<0
        for row in 0..<cells.height {
            let first = runs.count
            addRuns(of: row, cells, parameters, factor)
            join(first..<runs.count, with: above)
            above = first..<runs.count
        }
        collect(parameters)
    }

    private mutating func addRuns(of row: Int, _ cells: DetectorGrid, _ parameters: DetectorParameters, _ factor: Float)
    {
        let at = row &* cells.width
        var x = 0
        while x < cells.width {
            // Most cells are quiet, so eight at a time are skipped.
            while x &+ 8 <= cells.width, unsafe (cells.ratio + (at &+ x)).lanes.largest < parameters.weak { x &+= 8 }
            while x < cells.width, unsafe cells.ratio[at &+ x] < parameters.weak { x &+= 1 }
            guard x < cells.width else { return }
            guard runs.count < Self.runLimit else { return }
            var sum = Region()
            let first = x
            while x < cells.width, unsafe cells.ratio[at &+ x] >= parameters.weak {
                add(at &+ x, x: x, y: row, cells, parameters, factor, to: &sum)
                x &+= 1
            }
            if first > 0 { addEdge(at &+ first, at &+ first &- 1, cells, to: &sum) }
            if x < cells.width { addEdge(at &+ x &- 1, at &+ x, cells, to: &sum) }
            sum.left = Int32(first)
            sum.right = Int32(x &- 1)
            sum.top = Int32(row)
            sum.bottom = Int32(row)
            runs.append(
                Run(row: Int32(row), first: Int32(first), last: Int32(x &- 1), parent: Int32(runs.count)))
            sums.append(sum)
        }
    }

    @inline(__always)
    private func add(
        _ index: Int, x: Int, y: Int, _ cells: DetectorGrid, _ parameters: DetectorParameters, _ factor: Float,
        to sum: inout Region
    ) {
        let ratio = unsafe cells.ratio[index]
        let weight = min(ratio, parameters.ratioCap)
        let (current, mean) = unsafe (cells.current[index], cells.mean[index])
        let deviation = unsafe cells.deviation[index]
        sum.cells += 1
        if ratio >= 1 { sum.strong += 1 }
        sum.score += weight
        sum.weightedX += weight * Float(x)
        sum.weightedY += weight * Float(y)
        sum.restless += deviation
        let threshold = factor * max(parameters.baseThreshold, parameters.deviations * deviation)
        let step = unsafe current - cells.recent[index]
        if step.magnitude > parameters.movingShare * threshold { sum.moving += 1 }
        sum.step += step
        sum.stepSquares += step * step
        sum.current += current
        sum.mean += mean
        sum.currentSquares += current * current
        sum.meanSquares += mean * mean
        sum.products += current * mean
    }

    private func addEdge(_ inside: Int, _ outside: Int, _ cells: DetectorGrid, to sum: inout Region) {
        sum.currentEdge += unsafe (cells.current[inside] - cells.current[outside]).magnitude
        sum.meanEdge += unsafe (cells.mean[inside] - cells.mean[outside]).magnitude
    }

    private mutating func join(_ row: Range<Int>, with above: Range<Int>) {
        var other = above.lowerBound
        for run in row {
            while other < above.upperBound, runs[other].last + 1 < runs[run].first { other &+= 1 }
            var touching = other
            while touching < above.upperBound, runs[touching].first <= runs[run].last + 1 {
                let (a, b) = (root(of: run), root(of: touching))
                runs[max(a, b)].parent = Int32(min(a, b))
                touching &+= 1
            }
        }
    }

    private mutating func root(of run: Int) -> Int {
        var run = run
        while Int(runs[run].parent) != run {
            runs[run].parent = runs[Int(runs[run].parent)].parent
            run = Int(runs[run].parent)
        }
        return run
    }

    private mutating func collect(_ parameters: DetectorParameters) {
        regions.removeAll(keepingCapacity: true)
        regionOfRun.removeAll(keepingCapacity: true)
        for run in runs.indices {
            let root = root(of: run)
            if root != run { sums[root].join(sums[run]) }
        }
        for run in runs.indices {
            let root = root(of: run)
            if root == run {
                let sum = sums[run]
                let counts = sum.strong >= 1 && sum.cells >= parameters.leastCells && sum.score >= parameters.leastScore
                if counts, regions.count < Self.regionLimit {
                    regionOfRun.append(Int32(regions.count))
                    regions.append(sum)
                } else {
                    regionOfRun.append(-1)
                }
            } else {
                regionOfRun.append(regionOfRun[root])
            }
        }
    }

    mutating func set(_ kind: Region.Kind, ofRegion index: Int) { regions[index].kind = kind }
    mutating func set(track: Int, ofRegion index: Int) { regions[index].track = Int32(track) }
}
