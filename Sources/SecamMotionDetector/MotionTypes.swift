/// An object that moves, in 0…1 coordinates from the picture's left and upper edge.
public struct MotionBox: Hashable, Sendable {
    public let x: Double
    public let y: Double
    public let width: Double
    public let height: Double
    /// How clearly it stands out: the sum over its cells of the difference in thresholds. About 5 is the least that is
    /// looked at, a person close by is some hundreds.
    public let score: Double

    public init(x: Double, y: Double, width: Double, height: Double, score: Double) {
        self.x = x
        self.y = y
        self.width = width
        self.height = height
        self.score = score
    }
}

/// One visit: from the first to the last motion, with the moment at which most was to be seen.
public struct MotionEvent: Hashable, Sendable {
    /// Counts from 1 in each detector.
    public let id: UInt64
    /// When the motion that began it was first seen; a little before it was told.
    public let startMicroseconds: Int64
    /// When motion was last seen.
    public internal(set) var lastMicroseconds: Int64
    public internal(set) var peakScore: Double
    public internal(set) var peakMicroseconds: Int64
    public internal(set) var peakFrame: UInt64
    /// The objects' common box at the peak.
    public internal(set) var peakBox: MotionBox
}

/// What became of an event with the last map.
public enum MotionTransition: Hashable, Sendable {
    case start(MotionEvent)
    /// Told at most once a second.
    case update(MotionEvent)
    case end(MotionEvent)
}

/// What the last map told. An event may end and another begin with the same map only after a gap in time; the end comes
/// first.
public struct MotionReport: Hashable, Sendable {
    /// Whether something moves now, or did so less than a second ago.
    public let isMoving: Bool
    public let transition: MotionTransition?
}

/// A map that cannot be looked at. The model is as it was before.
public enum MotionMapError: Error, Hashable, Sendable, CustomStringConvertible {
    case size(width: Int, height: Int)
    case byteCount(bytes: Int, width: Int, height: Int)

    public var description: String {
        switch self {
        case .size(let width, let height):
            "the map is \(width)x\(height); each side must be \(MotionDetector.smallestSide) to "
                + "\(MotionDetector.largestSide) pixels"
        case .byteCount(let bytes, let width, let height):
            "the map of \(width)x\(height) has \(bytes) bytes; it must have one for each pixel"
        }
    }
}
