/// A group of adjacent cells that differ from the background.
struct Region {
    enum Kind {
        /// Not known to be an object; learned as restlessness.
        case flicker
        case mover
        /// An object at rest, or the place that one has left.
        case still
        /// Brighter or darker background.
        case light
    }

    var left: Int32 = .max
    var top: Int32 = .max
    var right: Int32 = -1
    var bottom: Int32 = -1
    var cells: Float = 0
    var strong: Float = 0
    var score: Float = 0
    var moving: Float = 0
    /// Sum of the differences from the recent map.
    var step: Float = 0
    /// Sum of the squares of these differences.
    var stepSquares: Float = 0
    var restless: Float = 0
    var current: Float = 0
    var mean: Float = 0
    var currentSquares: Float = 0
    var meanSquares: Float = 0
    var products: Float = 0
    var weightedX: Float = 0
    var weightedY: Float = 0
    /// Sum of the steps across the left and right border, in the current map.
    var currentEdge: Float = 0
    /// Sum of the steps across the left and right border, in the background.
    var meanEdge: Float = 0
    var kind = Kind.flicker
    var track: Int32 = -1

    mutating func join(_ other: Region) {
        left = min(left, other.left)
        top = min(top, other.top)
        right = max(right, other.right)
        bottom = max(bottom, other.bottom)
        cells += other.cells
        strong += other.strong
        score += other.score
        moving += other.moving
        step += other.step
        stepSquares += other.stepSquares
        restless += other.restless
        current += other.current
        mean += other.mean
        currentSquares += other.currentSquares
        meanSquares += other.meanSquares
        products += other.products
        weightedX += other.weightedX
        weightedY += other.weightedY
        currentEdge += other.currentEdge
        meanEdge += other.meanEdge
    }

    var centerX: Float { weightedX / score }
    var centerY: Float { weightedY / score }

    /// Returns whether all cells changed by the same small step, as by a change of exposure, which is no motion.
    func isEvenStep(_ share: Float) -> Bool {
        step * step > share * cells * stepSquares && step.magnitude < 0.5 * (current - mean).magnitude
    }

    /// The likeness of the current map and the background: the share of the current variance that the background does
    /// not explain by a factor and an offset, and the variance of the background. A low variance makes the share
    /// meaningless.
    var likeness: (residual: Float, texture: Float) {
        let currentVariance = max(currentSquares / cells - (current / cells) * (current / cells), 0)
        let meanVariance = max(meanSquares / cells - (mean / cells) * (mean / cells), 0)
        let covariance = products / cells - current / cells * (mean / cells)
        guard meanVariance > 0.01, covariance > 0 else { return (1, meanVariance) }
        let explained = covariance * covariance / meanVariance
        return (max(currentVariance - explained, 0) / max(currentVariance, 0.01), meanVariance)
    }
}
