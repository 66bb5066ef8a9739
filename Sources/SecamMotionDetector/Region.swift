/// Cells that touch and differ from the background.
struct Region {
    enum Kind {
        /// Not known to be an object: learned as restlessness.
        case flicker
        case mover
        /// An object that has come to rest, or the place that one has left.
        case still
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
    /// The sum of the differences to the map of some tenths of a second ago, and of their squares.
    var step: Float = 0
    var stepSquares: Float = 0
    var restless: Float = 0
    var current: Float = 0
    var mean: Float = 0
    var currentSquares: Float = 0
    var meanSquares: Float = 0
    var products: Float = 0
    var weightedX: Float = 0
    var weightedY: Float = 0
    /// The steps across its left and right border, in the current map and in the background.
    var currentEdge: Float = 0
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

    /// Whether all of it became brighter or darker by the same small step, as by a camera's exposure: no motion.
    func isEvenStep(_ share: Float) -> Bool {
        step * step > share * cells * stepSquares && step.magnitude < 0.5 * (current - mean).magnitude
    }

    /// What is left of the current values' variance when the background, brighter or darker by a factor and an offset,
    /// is taken away; and the variance of the background: 0 for a wall without texture, about which this says nothing.
    var likeness: (residual: Float, texture: Float) {
        let currentVariance = max(currentSquares / cells - (current / cells) * (current / cells), 0)
        let meanVariance = max(meanSquares / cells - (mean / cells) * (mean / cells), 0)
        let covariance = products / cells - current / cells * (mean / cells)
        guard meanVariance > 0.01, covariance > 0 else { return (1, meanVariance) }
        let explained = covariance * covariance / meanVariance
        return (max(currentVariance - explained, 0) / max(currentVariance, 0.01), meanVariance)
    }
}
