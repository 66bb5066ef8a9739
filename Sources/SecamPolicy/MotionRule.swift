import SecamWire

/// Settings of motion detection. Unset fields inherit the general rule, and then the defaults.
struct MotionRule: Sendable, Hashable {
    var isOn: Bool?
    var sensitivity: Int?
    /// Minimum size of a moving object, percent of the picture.
    var smallestObject: Double?
    var mapsPerSecond: Int?
    /// When motion is detected; always when unset.
    var schedule: Schedule?
    var zones: [Assignment.Zone]?

    private static let keys = ["sensitivity", "smallest-object", "maps-per-second", "when", "zones"]

    init() {}

    /// Parses the value of `motion`.
    init(_ value: PolicyValue) throws(PolicyError) {
        if let flag = value.flag {
            isOn = flag
            return
        }
        guard value.isMapping else {
            throw value.error(
                "motion: expected on, off or one or more of the keys \(Self.keys.joined(separator: ", "))")
        }
        isOn = true
        for (key, value) in try value.keys(Self.keys) {
            value.collect { () throws(PolicyError) in try read(key, value) }
        }
    }

    private mutating func read(_ key: String, _ value: PolicyValue) throws(PolicyError) {
        switch key {
        case "sensitivity": sensitivity = try value.integer(in: 1...100)
        case "smallest-object": smallestObject = try value.number(in: 0...100)
        case "maps-per-second": mapsPerSecond = try value.integer(in: 1...30)
        case "when": schedule = try Self.schedule(value)
        default: zones = try Self.zones(value)
        }
    }

    /// Returns this rule with unset fields from `general`.
    func inheriting(from general: MotionRule) -> MotionRule {
        var rule = self
        rule.isOn = isOn ?? general.isOn
        rule.sensitivity = sensitivity ?? general.sensitivity
        rule.smallestObject = smallestObject ?? general.smallestObject
        rule.mapsPerSecond = mapsPerSecond ?? general.mapsPerSecond
        rule.schedule = schedule ?? general.schedule
        rule.zones = zones ?? general.zones
        return rule
    }

    /// Returns a motion service's assignment; `nil` when motion detection is off.
    ///
    /// - Parameter defaultOn: whether motion is detected where `isOn` is unset.
    func assignment(for camera: Name, default defaultOn: Bool, at time: LocalTime) -> Assignment.Camera? {
        guard isOn ?? defaultOn, schedule?.contains(time) ?? true else { return nil }
        return Assignment.Camera(
            sensitivity: UInt8(sensitivity ?? 50), mapsPerSecond: UInt8(mapsPerSecond ?? 10),
            smallestObject: UInt16(((smallestObject ?? 0) * 100).rounded()), camera: camera, zones: zones ?? [])
    }

    private static func schedule(_ value: PolicyValue) throws(PolicyError) -> Schedule {
        var spans: [String] = []
        for entry in try value.list(atMost: 64, "times") { spans.append(try entry.text(Schedule.expected)) }
        for span in spans where Schedule([span]) == nil {
            throw value.error("when: invalid time '\(span)'; expected \(Schedule.expected)")
        }
        guard !spans.isEmpty, let schedule = Schedule(spans) else {
            throw value.error("when: expected at least one time; to turn motion detection off, write 'motion: off'")
        }
        return schedule
    }

    private static func zones(_ value: PolicyValue) throws(PolicyError) -> [Assignment.Zone] {
        var zones: [Assignment.Zone] = []
        for entry in try value.list(atMost: WireLimits.zones, "zones") {
            entry.collect { () throws(PolicyError) in
                let pairs = try entry.keys(["watch", "ignore"])
                guard entry.keyCount == 1 else {
                    throw entry.error("\(entry.name): expected exactly one of watch and ignore")
                }
                guard let (key, value) = pairs.first else { return }
                zones.append(Assignment.Zone(kind: key == "watch" ? .watch : .ignore, corners: try corners(value)))
            }
        }
        return zones
    }

    private static func corners(_ value: PolicyValue) throws(PolicyError) -> [Assignment.Corner] {
        let list = try value.list(atMost: WireLimits.corners, "corners")
        guard list.count >= 3 else {
            throw value.error("\(value.name): expected at least 3 corners, not \(list.count)")
        }
        var corners: [Assignment.Corner] = []
        for corner in list {
            let expected = "two numbers, such as [0.2, 0.5]"
            let numbers = try corner.list(atMost: 2, expected)
            guard numbers.count == 2 else { throw corner.error("\(corner.name): expected \(expected)") }
            let x = try numbers[0].number(in: 0...1)
            let y = try numbers[1].number(in: 0...1)
            corners.append(Assignment.Corner(x: UInt16((x * 65535).rounded()), y: UInt16((y * 65535).rounded())))
        }
        return corners
    }
}
