/// The settings of motion detection for one camera. The defaults suit most cameras.
package struct MotionSettings: Hashable, Sendable {
    package static let sensitivityRange = 1...100
    package static let smallestObjectRange = 0.0...100.0
    /// Maximum number of zones of a camera.
    package static let maximumZones = 32

    /// 1 to 100. A higher sensitivity detects fainter and shorter motion.
    package let sensitivity: Int
    /// Minimum size of an object's box, percent of the picture.
    package let smallestObjectPercent: Double
    /// The areas to watch or to ignore.
    package let zones: [MotionZone]

    /// The defaults.
    package static let standard = MotionSettings()

    private init() {
        sensitivity = 50
        smallestObjectPercent = 0
        zones = []
    }

    /// - Parameter zones: if any zone is to be watched, motion outside such zones is ignored. Zones to ignore take
    ///   precedence.
    /// - Throws: ``MotionSettingsError``.
    package init(
        sensitivity: Int = 50, smallestObjectPercent: Double = 0, zones: [MotionZone] = []
    ) throws(MotionSettingsError) {
        guard Self.sensitivityRange.contains(sensitivity) else { throw .sensitivity(sensitivity) }
        guard Self.smallestObjectRange.contains(smallestObjectPercent) else {
            throw .smallestObject(smallestObjectPercent)
        }
        guard zones.count <= Self.maximumZones else { throw .tooManyZones(zones.count) }
        self.sensitivity = sensitivity
        self.smallestObjectPercent = smallestObjectPercent
        self.zones = zones
    }
}

extension MotionSettings {
    /// The factor for all thresholds: 2 at the lowest sensitivity, 1 at 50, one half at the highest.
    /// A polynomial, because powers would need the C library.
    var factor: Float {
        let doublings = Float(50 - sensitivity) / 50
        // Within 1 % of 2^x on -1...1.
        return 1 + doublings * (0.6931 + doublings * (0.2402 + doublings * (0.0555 + doublings * 0.0096)))
    }
}

/// A part of the picture, as a polygon.
///
/// Its border may cross itself. A point is inside if a ray from it crosses the border an odd number of times, so a
/// figure of eight covers both of its loops, as a user who draws one by hand intends.
package struct MotionZone: Hashable, Sendable {
    package enum Kind: Hashable, Sendable {
        case watch
        case ignore
    }

    /// A position, 0…1 from the picture's left and upper edge.
    package struct Point: Hashable, Sendable {
        package let x: Double
        package let y: Double

        package init(x: Double, y: Double) {
            self.x = x
            self.y = y
        }
    }

    package static let minimumPoints = 3
    package static let maximumPoints = 64

    package let kind: Kind
    package let points: [Point]

    /// - Throws: ``MotionSettingsError``.
    package init(_ kind: Kind, _ points: [Point]) throws(MotionSettingsError) {
        guard points.count >= Self.minimumPoints else { throw .tooFewPoints(points.count) }
        guard points.count <= Self.maximumPoints else { throw .tooManyPoints(points.count) }
        for (index, point) in points.enumerated() {
            // This form of the conditions rejects NaN too.
            guard point.x >= 0, point.x <= 1, point.y >= 0, point.y <= 1 else {
                throw .pointOutside(index: index, x: point.x, y: point.y)
            }
        }
        self.kind = kind
        self.points = points
    }
}

extension MotionZone {
    /// Returns whether a point is inside, by the even-odd rule.
    func contains(x: Double, y: Double) -> Bool {
        var isInside = false
        var previous = points[points.count - 1]
        for point in points {
            if (point.y > y) != (previous.y > y) {
                let crossing = point.x + (y - point.y) / (previous.y - point.y) * (previous.x - point.x)
                if x < crossing { isInside.toggle() }
            }
            previous = point
        }
        return isInside
    }
}

extension [MotionZone] {
    /// Returns whether a point is watched.
    func watches(x: Double, y: Double) -> Bool {
        var isWatched = !contains { $0.kind == .watch }
        for zone in self where zone.contains(x: x, y: y) {
            if zone.kind == .ignore { return false }
            isWatched = true
        }
        return isWatched
    }
}

/// An invalid setting of motion detection.
package enum MotionSettingsError: Error, Hashable, Sendable, CustomStringConvertible {
    case sensitivity(Int)
    case smallestObject(Double)
    case tooManyZones(Int)
    case tooFewPoints(Int)
    case tooManyPoints(Int)
    case pointOutside(index: Int, x: Double, y: Double)

    package var description: String {
        switch self {
        case .sensitivity(let value):
            "the sensitivity is \(value); it must be 1 to 100"
        case .smallestObject(let value):
            "the smallest object is \(value) percent of the picture; it must be 0 to 100"
        case .tooManyZones(let count):
            "there are \(count) zones; the maximum is \(MotionSettings.maximumZones)"
        case .tooFewPoints(let count):
            "a zone has \(count) points; the minimum is \(MotionZone.minimumPoints)"
        case .tooManyPoints(let count):
            "a zone has \(count) points; the maximum is \(MotionZone.maximumPoints)"
        case .pointOutside(let index, let x, let y):
            "point \(index) of a zone, (\(x), \(y)), is outside the picture; both coordinates must be 0 to 1"
        }
    }
}
