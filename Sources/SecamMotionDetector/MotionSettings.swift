/// How a camera is watched. The defaults need no touching.
package struct MotionSettings: Hashable, Sendable {
    package static let sensitivityRange = 1...100
    package static let smallestObjectRange = 0.0...100.0
    /// How many zones a camera has at most.
    package static let maximumZones = 32

    /// 1 to 100: how little a change may differ from the picture's noise, and how short it may be seen.
    package let sensitivity: Int
    /// Objects whose box is smaller are not told, in percent of the picture.
    package let smallestObjectPercent: Double
    /// Where to look and where not.
    package let zones: [MotionZone]

    /// Everything as it is for a camera that nobody has set up.
    package static let standard = MotionSettings()

    private init() {
        sensitivity = 50
        smallestObjectPercent = 0
        zones = []
    }

    /// - Parameters:
    ///   - zones: where there is one to watch, nothing outside of those is seen; what is inside of one to ignore is
    ///     not seen in any case.
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
    /// What thresholds are multiplied with: 2 at the least, 1 at 50, a half at the greatest sensitivity.
    /// A polynomial, since powers would need the C library.
    var factor: Float {
        let doublings = Float(50 - sensitivity) / 50
        // Within 1 % of 2^x on -1...1.
        return 1 + doublings * (0.6931 + doublings * (0.2402 + doublings * (0.0555 + doublings * 0.0096)))
    }
}

/// A part of the picture, as a polygon.
///
/// Its border may cross itself: a point is inside when a ray from it meets the border an odd number of times, so a
/// figure of eight is its two loops. People draw such shapes by hand, and both loops are what they mean.
package struct MotionZone: Hashable, Sendable {
    package enum Kind: Hashable, Sendable {
        case watch
        case ignore
    }

    /// 0…1 from the picture's left and upper edge.
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
            // Written so that a value which is no number fails too.
            guard point.x >= 0, point.x <= 1, point.y >= 0, point.y <= 1 else {
                throw .pointOutside(index: index, x: point.x, y: point.y)
            }
        }
        self.kind = kind
        self.points = points
    }
}

extension MotionZone {
    /// Even-odd rule.
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
    /// Whether a point is looked at.
    func watch(x: Double, y: Double) -> Bool {
        var isWatched = !contains { $0.kind == .watch }
        for zone in self where zone.contains(x: x, y: y) {
            if zone.kind == .ignore { return false }
            isWatched = true
        }
        return isWatched
    }
}

/// Settings that cannot be meant.
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
            "there are \(count) zones; at most \(MotionSettings.maximumZones) can be kept"
        case .tooFewPoints(let count):
            "a zone has \(count) points; it needs at least \(MotionZone.minimumPoints)"
        case .tooManyPoints(let count):
            "a zone has \(count) points; at most \(MotionZone.maximumPoints) can be kept"
        case .pointOutside(let index, let x, let y):
            "point \(index) of a zone, (\(x), \(y)), is outside the picture; both numbers must be 0 to 1"
        }
    }
}
