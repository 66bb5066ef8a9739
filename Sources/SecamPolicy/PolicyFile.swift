import SecamBase
package import SecamWire

/// The operator's policy: per-camera settings and hooks. See the README, "Motion and recordings".
package struct PolicyFile: Sendable, Equatable {
    /// The rule that cameras inherit.
    var motion = MotionRule()
    /// The rule that cameras inherit.
    var record = RecordRule()
    var cameras: [Name: CameraRule] = [:]
    package private(set) var hooks: [HookRule] = []
    /// Hosts that services may announce as their own, besides the address from which they connect.
    package private(set) var advertisedHosts: [String] = []

    /// Retention of the recordings of cameras that are no longer admitted: seconds after the last recording; 0 for no
    /// limit.
    package private(set) var goneCameraKeep: UInt32 = 0

    /// The settings of one camera.
    struct CameraRule: Sendable, Equatable {
        var motion = MotionRule()
        var record = RecordRule()
    }

    /// The number of cameras with settings of their own.
    package var cameraCount: Int { cameras.count }

    /// The policy without a file.
    package static let none = PolicyFile()

    private static let hookLimit = 64
    private static let advertisedHostLimit = 256

    private init() {}

    /// Parses a policy file.
    ///
    /// - Parameter path: the file's path, for errors.
    /// - Throws: the first error of the file.
    package init(parsing text: String, path: String) throws(PolicyError) {
        let problems = PolicyProblems()
        self.init(parsing: text, path: path, problems)
        if let first = problems.sorted.first { throw first }
    }

    /// Returns all errors of a policy file, in the order of its lines. A YAML syntax error hides later errors.
    ///
    /// - Parameter path: the file's path, for errors.
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
                goneCameraKeep = try keep.seconds()
            }
        case "advertise": try readHosts(value)
        default: try readHooks(value)
        }
    }

    private mutating func readHosts(_ value: PolicyValue) throws(PolicyError) {
        for host in try value.list(atMost: Self.advertisedHostLimit, "hosts") {
            host.collect { () throws(PolicyError) in
                let text = try host.text("a host name or address")
                guard !text.contains("/"), text.utf8.count <= 253 else {
                    throw host.error("'\(text)' is not a host name or address; write it without tcp:// and port")
                }
                advertisedHosts.append(text)
            }
        }
    }

    private mutating func readHooks(_ value: PolicyValue) throws(PolicyError) {
        for hook in try value.list(atMost: Self.hookLimit, "hooks") {
            hook.collect { () throws(PolicyError) in
                guard let rule = try HookRule(hook) else { return }
                guard !hooks.contains(where: { $0.name == rule.name }) else {
                    throw hook.error("two hooks have the name '\(rule.name)'; rename one")
                }
                hooks.append(rule)
            }
        }
    }

    /// Reads and parses a policy file. Returns the defaults when there is none.
    package static func read(_ path: String) throws(PolicyError) -> PolicyFile {
        guard let text = try text(at: path) else { return .none }
        return try PolicyFile(parsing: text, path: path)
    }

    /// Returns the text of a policy file; `nil` when there is none.
    ///
    /// - Throws: also when users other than its owner may write the file, because its hooks run with the gateway's rights.
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

    /// Returns the settings of a camera's motion detection; `nil` when it is off.
    ///
    /// - Parameter defaultOn: whether motion is detected where the file does not say.
    package func motion(of camera: Name, default defaultOn: Bool, at time: LocalTime) -> Assignment.Camera? {
        (cameras[camera]?.motion ?? MotionRule()).inheriting(from: motion)
            .assignment(for: camera, default: defaultOn, at: time)
    }

    /// Returns the settings of a camera's recording; `nil` when it is off.
    ///
    /// - Parameter defaultMode: the mode where the file does not say.
    package func recording(of camera: Name, default defaultMode: RecordingMode?) -> Recording.Camera? {
        (cameras[camera]?.record ?? RecordRule()).inheriting(from: record)
            .assignment(for: camera, default: defaultMode)
    }
}
