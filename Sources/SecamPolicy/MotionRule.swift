import SecamWire

/// How motion is looked for before a camera, as far as it was said; what was not holds from elsewhere.
struct MotionRule: Sendable, Hashable {
    var isOn: Bool?
    var sensitivity: Int?
    /// Percent of the picture.
    var smallestObject: Double?
    var mapsPerSecond: Int?
    /// Always when `nil`.
    var schedule: Schedule?
    var zones: [Assignment.Zone]?

    private static let keys = ["sensitivity", "smallest-object", "maps-per-second", "when", "zones"]

    init() {}

    /// - Throws: also for values that no detector could take.
    init(_ value: PolicyValue) throws(PolicyError) {
        if let flag = value.flag {
            isOn = flag
            return
        }
        guard value.isMapping else {
            throw value.error("motion: expected on, off or the keys \(Self.keys.joined(separator: ", "))")
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

    /// These rules, and where they say nothing those of `general`.
    func over(_ general: MotionRule) -> MotionRule {
        var rule = self
        rule.isOn = isOn ?? general.isOn
        rule.sensitivity = sensitivity ?? general.sensitivity
        rule.smallestObject = smallestObject ?? general.smallestObject
        rule.mapsPerSecond = mapsPerSecond ?? general.mapsPerSecond
        rule.schedule = schedule ?? general.schedule
        rule.zones = zones ?? general.zones
        return rule
    }

    /// What a motion service is told now; `nil` when it is not to look.
    ///
    /// - Parameter isUsual: whether it is to look where nothing was said.
    func duty(for camera: Name, isUsual: Bool, at time: LocalTime) -> Assignment.Camera? {
        guard isOn ?? isUsual, schedule?.contains(time) ?? true else { return nil }
        return Assignment.Camera(
            sensitivity: UInt8(sensitivity ?? 50), mapsPerSecond: UInt8(mapsPerSecond ?? 10),
            smallestObject: UInt16(((smallestObject ?? 0) * 100).rounded()), camera: camera, zones: zones ?? [])
    }

    private static func schedule(_ value: PolicyValue) throws(PolicyError) -> Schedule {
        var spans: [String] = []
        for entry in try value.list(atMost: 64, "times") { spans.append(try entry.text(Schedule.expected)) }
        for span in spans where Schedule([span]) == nil {
            throw value.error("when: '\(span)' is not understood; expected \(Schedule.expected)")
        }
        guard !spans.isEmpty, let schedule = Schedule(spans) else {
            throw value.error("when: expected at least one time; to look never, write 'motion: off'")
        }
        return schedule
    }

    private static func zones(_ value: PolicyValue) throws(PolicyError) -> [Assignment.Zone] {
        var zones: [Assignment.Zone] = []
        for entry in try value.list(atMost: WireLimits.zones, "zones") {
            entry.collect { () throws(PolicyError) in
                let pairs = try entry.keys(["watch", "ignore"])
                guard entry.keyCount == 1 else { throw entry.error("\(entry.name): expected one of watch and ignore") }
                guard let (key, value) = pairs.first else { return }
                zones.append(Assignment.Zone(kind: key == "watch" ? .watch : .ignore, corners: try corners(value)))
            }
        }
        return zones
    }

    private static func corners(_ value: PolicyValue) throws(PolicyError) -> [Assignment.Corner] {
        let list = try value.list(atMost: WireLimits.corners, "corners")
        guard list.count >= 3 else {
            throw value.error("\(value.name): \(list.count) corners enclose nothing; at least 3 are needed")
        }
        var corners: [Assignment.Corner] = []
        for corner in list {
            let numbers = try corner.list(atMost: 2, "two numbers, as [0.2, 0.5]")
            guard numbers.count == 2 else { throw corner.error("\(corner.name): expected two numbers, as [0.2, 0.5]") }
            let x = try numbers[0].number(in: 0...1)
            let y = try numbers[1].number(in: 0...1)
            corners.append(Assignment.Corner(x: UInt16((x * 65535).rounded()), y: UInt16((y * 65535).rounded())))
        }
        return corners
    }
}
