import SecamBase
package import SecamWire

/// The operator's policy: per-camera settings and hooks, see the README, "Motion and recordings".
package struct PolicyFile: Sendable, Equatable {
    /// For cameras that say nothing else.
    var motion = MotionRule()
    var record = RecordRule()
    var cameras: [Name: CameraRule] = [:]
    package private(set) var hooks: [HookRule] = []
    /// The hosts that services may name as their own beside the address that they connect from.
    package private(set) var advertisedHosts: [String] = []

    /// Seconds after the last recording of a camera that is not admitted any more after which all of its recordings go; 0
    /// for never.
    package private(set) var goneCameraKeep: UInt32 = 0

    /// What one camera has for itself.
    struct CameraRule: Sendable, Equatable {
        var motion = MotionRule()
        var record = RecordRule()
    }

    /// Cameras that have settings of their own.
    package var cameraCount: Int { cameras.count }

    /// Without a file.
    package static let none = PolicyFile()

    private static let mostHooks = 64
    private static let advertisedHostLimit = 256

    private init() {}

    /// - Parameter path: where the text was read, for the error's sake.
    /// - Throws: the first error of the file.
    package init(parsing text: String, path: String) throws(PolicyError) {
        let problems = PolicyProblems()
        self.init(parsing: text, path: path, problems)
        if let first = problems.sorted.first { throw first }
    }

    /// All errors of a policy file, in its order. Of a text that is no YAML only the first one can be found.
    ///
    /// - Parameter path: where the text was read, for the errors' sake.
    package static func problems(in text: String, path: String) -> [PolicyError] {
        let problems = PolicyProblems()
        _ = PolicyFile(parsing: text, path: path, problems)
        return problems.sorted
    }

    private init(parsing text: String, path: String, _ problems: PolicyProblems) {
        do throws(PolicyError) {
            guard let file = try PolicyValue.parse(text, path: path, problems: problems) else { return }
            for (key, value) in try file.keys(["motion", "record", "cameras", "gone-cameras", "hooks", "advertise"]) {
                value.collect { () throws(PolicyError) in try read(key, value) }
            }
        } catch {
            problems.add(error)
        }
    }

    private mutating func read(_ key: String, _ value: PolicyValue) throws(PolicyError) {
        switch key {
        case "motion": motion = try MotionRule(value)
        case "record": record = try RecordRule(value)
        case "cameras": try readCameras(value)
        case "gone-cameras":
            for (_, keep) in try value.keys(["keep"]) {
                goneCameraKeep = UInt32(try keep.seconds(atMost: Int(UInt32.max)))
            }
        case "advertise": try readHosts(value)
        default: try readHooks(value)
        }
    }

    private mutating func readHosts(_ value: PolicyValue) throws(PolicyError) {
        for host in try value.list(atMost: Self.advertisedHostLimit, "hosts") {
            host.collect { () throws(PolicyError) in
                let text = try host.text("a host's name or address")
                guard !text.contains("/"), text.utf8.count <= 253 else {
                    throw host.error("'\(text)' is not a host's name or address; leave out tcp:// and the port")
                }
                advertisedHosts.append(text)
            }
        }
    }

    private mutating func readHooks(_ value: PolicyValue) throws(PolicyError) {
        for hook in try value.list(atMost: Self.mostHooks, "hooks") {
            hook.collect { () throws(PolicyError) in
                guard let rule = try HookRule(hook) else { return }
                guard !hooks.contains(where: { $0.name == rule.name }) else {
                    throw hook.error("two hooks are called '\(rule.name)'; give one of them another name")
                }
                hooks.append(rule)
            }
        }
    }

    /// Reads and parses a policy file; the defaults when there is none.
    package static func read(_ path: String) throws(PolicyError) -> PolicyFile {
        guard let text = try text(at: path) else { return .none }
        return try PolicyFile(parsing: text, path: path)
    }

    /// The text of a policy file; `nil` when there is none.
    ///
    /// - Throws: also when others than its owner may write the file: hooks are programs that run in the gateway's name.
    package static func text(at path: String) throws(PolicyError) -> String? {
        do throws(SecretFile.Failure) {
            return try TrustedFile.readIfThere(path)
        } catch {
            throw PolicyError(path: error.path, line: 0, reason: error.reason, isUnreadable: true)
        }
    }

    private mutating func readCameras(_ value: PolicyValue) throws(PolicyError) {
        for (key, value) in try value.keys(nil) {
            value.collect { () throws(PolicyError) in try readCamera(key, value) }
        }
    }

    private mutating func readCamera(_ key: String, _ value: PolicyValue) throws(PolicyError) {
        let name: Name
        do {
            name = try Name(key)
        } catch {
            throw value.error("the camera name '\(key)' is \(error)")
        }
        var rule = CameraRule()
        for (key, value) in try value.keys(["motion", "record"]) {
            value.collect { () throws(PolicyError) in
                if key == "motion" { rule.motion = try MotionRule(value) } else { rule.record = try RecordRule(value) }
            }
        }
        cameras[name] = rule
    }

    /// - Parameter isUsual: whether motion is to be looked for where nothing was said.
    /// - Returns: how motion is to be looked for; `nil` when it is not.
    package func duty(for camera: Name, isUsual: Bool, at time: LocalTime) -> Assignment.Camera? {
        (cameras[camera]?.motion ?? MotionRule()).over(motion).duty(for: camera, isUsual: isUsual, at: time)
    }

    /// - Parameter usual: the mode where nothing was said.
    /// - Returns: how a camera is recorded; `nil` when it is not.
    package func recording(of camera: Name, usual: RecordingMode?) -> Recording.Camera? {
        (cameras[camera]?.record ?? RecordRule()).over(record).duty(for: camera, usual: usual)
    }
}
