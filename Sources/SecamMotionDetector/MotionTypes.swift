/// The box of a moving object, in 0…1 coordinates from the picture's left and upper edge.
package struct MotionBox: Hashable, Sendable {
    package let x: Double
    package let y: Double
    package let width: Double
    package let height: Double
    /// How clearly the object stands out: the sum of its cells' differences, in thresholds. The minimum is about 5; a
    /// person close to the camera has some hundreds.
    package let score: Double

    package init(x: Double, y: Double, width: Double, height: Double, score: Double) {
        self.x = x
        self.y = y
        self.width = width
        self.height = height
        self.score = score
    }
}

/// An event from the first to the last motion, with the time of its highest score.
package struct MotionEvent: Hashable, Sendable {
    /// Counts from 1 in each detector.
    package let id: UInt64
    /// Time of the first motion, shortly before the event was reported.
    package let startMicroseconds: Int64
    /// Time of the last motion.
    package internal(set) var lastMicroseconds: Int64
    package internal(set) var peakScore: Double
    package internal(set) var peakMicroseconds: Int64
    package internal(set) var peakFrame: UInt64
    /// The objects' common box at the peak.
    package internal(set) var peakBox: MotionBox
}

/// A change of an event by the last map.
package enum MotionTransition: Hashable, Sendable {
    case start(MotionEvent)
    /// Reported at most once a second.
    case update(MotionEvent)
    case end(MotionEvent)
}

/// The result of the last map.
package struct MotionReport: Hashable, Sendable {
    /// An object moves now, or did so less than a second ago.
    package let isMoving: Bool
    package let transition: MotionTransition?
}

/// An invalid map. The detector is unchanged.
package enum MotionMapError: Error, Hashable, Sendable, CustomStringConvertible {
    case size(width: Int, height: Int)
    case byteCount(bytes: Int, width: Int, height: Int)

    package var description: String {
        switch self {
        case .size(let width, let height):
            "the map is \(width)x\(height); each side must be \(MotionDetector.smallestSide) to "
                + "\(MotionDetector.largestSide) pixels"
        case .byteCount(let bytes, let width, let height):
            "the map of \(width)x\(height) has \(bytes) bytes; it must have one byte per pixel"
        }
    }
}
