package import SecamWire

/// How a camera is recorded, as far as it was said; what was not holds from elsewhere.
package struct RecordRule: Sendable, Hashable {
    /// `.some(nil)` for not at all.
    var mode: RecordingMode??
    var codec: RecordingCodec?
    /// Seconds.
    var preRoll: Int?
    var postRoll: Int?
    /// Seconds; 0 for ever.
    var keep: Int?
    var keepMegabytes: Int?
    /// Seconds; 0 for never.
    var thinAfter: Int?
    /// Frames a second.
    var thinRate: Double?

    private static let keys = [
        "mode", "codec", "pre-roll", "post-roll", "keep", "keep-megabytes", "thin-after", "thin-fps",
    ]
    private static let modes = "off, motion, continuous or both"
    private static let longestRoll = Int(Recording.Camera.longestRoll)

    init() {}

    init(_ value: PolicyValue) throws(PolicyError) {
        guard value.isMapping else {
            mode = try Self.mode(value)
            return
        }
        for (key, value) in try value.keys(Self.keys) {
            value.collect { () throws(PolicyError) in try read(key, value) }
        }
    }

    private mutating func read(_ key: String, _ value: PolicyValue) throws(PolicyError) {
        switch key {
        case "mode": mode = try Self.mode(value)
        case "codec": codec = try Self.codec(value)
        case "pre-roll": preRoll = try value.seconds(atMost: Self.longestRoll)
        case "post-roll": postRoll = try value.seconds(atMost: Self.longestRoll)
        case "keep": keep = try value.seconds(atMost: Int(UInt32.max))
        case "keep-megabytes": keepMegabytes = try value.integer(in: 1...1 << 40)
        case "thin-after": thinAfter = try value.seconds(atMost: Int(UInt32.max))
        default: thinRate = try value.number(in: 0.001...1000)
        }
    }

    private static func codec(_ value: PolicyValue) throws(PolicyError) -> RecordingCodec {
        let text = try value.text("jpeg or h264")
        guard let codec = RecordingCodec.allCases.first(where: { "\($0)" == text }) else {
            throw value.error("\(value.name): expected jpeg or h264")
        }
        return codec
    }

    /// `off`, `motion`, `continuous` or `both`, as on a command line too.
    package static func mode(_ text: String) -> RecordingMode?? {
        if ["off", "no", "false"].contains(text) { return .some(nil) }
        return RecordingMode.allCases.first { "\($0)" == text }.map { .some($0) }
    }

    private static func mode(_ value: PolicyValue) throws(PolicyError) -> RecordingMode? {
        guard let mode = mode(try value.text(modes)) else { throw value.error("\(value.name): expected \(modes)") }
        return mode
    }

    /// These rules, and where they say nothing those of `general`.
    func over(_ general: RecordRule) -> RecordRule {
        var rule = self
        rule.mode = mode ?? general.mode
        rule.codec = codec ?? general.codec
        rule.preRoll = preRoll ?? general.preRoll
        rule.postRoll = postRoll ?? general.postRoll
        rule.keep = keep ?? general.keep
        rule.keepMegabytes = keepMegabytes ?? general.keepMegabytes
        rule.thinAfter = thinAfter ?? general.thinAfter
        rule.thinRate = thinRate ?? general.thinRate
        return rule
    }

    /// What an archive is told; `nil` when the camera is not recorded.
    ///
    /// - Parameter usual: the mode where nothing was said.
    func duty(for camera: Name, usual: RecordingMode?) -> Recording.Camera? {
        guard let mode = mode ?? usual else { return nil }
        return Recording.Camera(
            mode: mode, codec: codec ?? .jpeg, preRoll: UInt16(preRoll ?? 5), postRoll: UInt16(postRoll ?? 5),
            keep: UInt32(keep ?? 14 * 86_400), keepBytes: UInt64(keepMegabytes ?? 0) << 20,
            thinAfter: UInt32(thinAfter ?? 0), thinRate: UInt32(((thinRate ?? 1) * 1000).rounded()), camera: camera)
    }
}
