package import SecamWire

/// Settings of a camera's recording. Unset fields inherit the general rule, and then the defaults.
package struct RecordRule: Sendable, Hashable {
    /// `.some(nil)` for no recording.
    var mode: RecordingMode??
    var codec: RecordingCodec?
    /// Seconds.
    var preRoll: UInt16?
    /// Seconds.
    var postRoll: UInt16?
    /// Retention, seconds; 0 for no limit.
    var keep: UInt32?
    var keepMegabytes: Int?
    /// Age at which recordings are thinned, seconds; 0 for never.
    var thinAfter: UInt32?
    /// Frames per second of thinned recordings.
    var thinRate: Double?

    private static let keys = [
        "mode", "codec", "pre-roll", "post-roll", "keep", "keep-megabytes", "thin-after", "thin-fps",
    ]
    private static let modes = "off, motion, continuous or both"

    init() {}

    /// Parses the value of `record`.
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
        case "pre-roll": preRoll = try value.seconds(atMost: Recording.Camera.longestRoll)
        case "post-roll": postRoll = try value.seconds(atMost: Recording.Camera.longestRoll)
        case "keep": keep = try value.seconds()
        case "keep-megabytes": keepMegabytes = try value.integer(in: 1...1 << 40)
        case "thin-after": thinAfter = try value.seconds()
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

    /// Returns the mode of `off`, `motion`, `continuous` or `both`; `nil` for other texts.
    package static func mode(_ text: String) -> RecordingMode?? {
        if ["off", "no", "false"].contains(text) { return .some(nil) }
        return RecordingMode.allCases.first { "\($0)" == text }.map { .some($0) }
    }

    private static func mode(_ value: PolicyValue) throws(PolicyError) -> RecordingMode? {
        guard let mode = mode(try value.text(modes)) else { throw value.error("\(value.name): expected \(modes)") }
        return mode
    }

    /// Returns this rule with unset fields from `general`.
    func inheriting(from general: RecordRule) -> RecordRule {
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

    /// Returns an archive's assignment; `nil` when the camera is not recorded.
    ///
    /// - Parameter defaultMode: the mode where `mode` is unset.
    func assignment(for camera: Name, default defaultMode: RecordingMode?) -> Recording.Camera? {
        guard let mode = mode ?? defaultMode else { return nil }
        return Recording.Camera(
            mode: mode, codec: codec ?? .jpeg, preRoll: preRoll ?? 5, postRoll: postRoll ?? 5,
            keep: keep ?? 14 * 86_400, keepBytes: UInt64(keepMegabytes ?? 0) << 20, thinAfter: thinAfter ?? 0,
            thinRate: UInt32(((thinRate ?? 1) * 1000).rounded()), camera: camera)
    }
}
