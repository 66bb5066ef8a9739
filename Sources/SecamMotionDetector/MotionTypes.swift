/// An object that moves, in 0…1 coordinates from the picture's left and upper edge.
package struct MotionBox: Hashable, Sendable {
    package let x: Double
    package let y: Double
    package let width: Double
    package let height: Double
    /// How clearly it stands out: the sum over its cells of the difference in thresholds. About 5 is the least that is
    /// looked at, a person close by is some hundreds.
    package let score: Double

    package init(x: Double, y: Double, width: Double, height: Double, score: Double) {
        self.x = x
        self.y = y
        self.width = width
        self.height = height
        self.score = score
    }
}

/// One visit: from the first to the last motion, with the moment at which most was to be seen.
package struct MotionEvent: Hashable, Sendable {
    /// Counts from 1 in each detector.
    package let id: UInt64
    /// When the motion that began it was first seen; a little before it was told.
    package let startMicroseconds: Int64
    /// When motion was last seen.
    public internal(set) var lastMicroseconds: Int64
    public internal(set) var peakScore: Double
    public internal(set) var peakMicroseconds: Int64
    public internal(set) var peakFrame: UInt64
    /// The objects' common box at the peak.
    public internal(set) var peakBox: MotionBox
}

/// What became of an event with the last map.
package enum MotionTransition: Hashable, Sendable {
    case start(MotionEvent)
    /// Told at most once a second.
    case update(MotionEvent)
    case end(MotionEvent)
}

/// What the last map told. An event may end and another begin with the same map only after a gap in time; the end comes
/// first.
package struct MotionReport: Hashable, Sendable {
    /// Whether something moves now, or did so less than a second ago.
    package let isMoving: Bool
    package let transition: MotionTransition?
}

/// A map that cannot be looked at. The model is as it was before.
package enum MotionMapError: Error, Hashable, Sendable, CustomStringConvertible {
    case size(width: Int, height: Int)
    case byteCount(bytes: Int, width: Int, height: Int)

    package var description: String {
        switch self {
        case .size(let width, let height):
            "the map is \(width)x\(height); each side must be \(MotionDetector.smallestSide) to "
                + "\(MotionDetector.largestSide) pixels"
        case .byteCount(let bytes, let width, let height):
            "the map of \(width)x\(height) has \(bytes) bytes; it must have one for each pixel"
        }
    }
}
