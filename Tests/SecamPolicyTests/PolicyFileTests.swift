import SecamTestSupport
import SecamWire
import Testing

@testable import SecamPolicy

@Suite struct PolicyFileTests {
    private let noon = LocalTime(weekday: 0, minute: 12 * 60)

    private func parse(_ text: String) throws -> PolicyFile { try PolicyFile(parsing: text, path: "policy.yaml") }

    private func motion(
        _ text: String, _ camera: String = "porch", at time: LocalTime? = nil
    ) throws -> Assignment.Camera? {
        try parse(text).motion(of: Name(camera), default: true, at: time ?? noon)
    }

    @Test(arguments: ["", "# nothing\n", "---\n", "null\n"])
    func `an empty file stands for the defaults`(text: String) throws {
        #expect(try parse(text) == .none)
        let motion = try #require(try motion(text))
        #expect(
            motion.sensitivity == 50 && motion.mapsPerSecond == 10 && motion.smallestObject == 0 && motion.zones.isEmpty
        )
        #expect(try parse(text).motion(of: Name("porch"), default: false, at: noon) == nil)
    }

    @Test func `a camera's own rules override the general ones`() throws {
        let text = """
            motion:
              sensitivity: 70
              smallest-object: 1.5
            cameras:
              porch:
                motion:
                  sensitivity: 90
                  maps-per-second: 5
                  zones:
                    - watch: [[0, 0], [1, 0], [0.5, 1]]
                    - ignore: [[0, 0], [0.2, 0], [0.2, 0.2], [0, 0.2]]
              yard:
                motion: off
            """
        let porch = try #require(try motion(text))
        #expect(porch.sensitivity == 90 && porch.smallestObject == 150 && porch.mapsPerSecond == 5)
        #expect(porch.zones.map(\.kind) == [.watch, .ignore])
        #expect(porch.zones[0].corners == [.init(x: 0, y: 0), .init(x: 65535, y: 0), .init(x: 32768, y: 65535)])
        #expect(try motion(text, "yard") == nil)
        #expect(try motion(text, "hall")?.sensitivity == 70)
    }

    @Test func `motion detection can be on for one camera only`() throws {
        let text = "motion: off\ncameras:\n  porch:\n    motion: on\n"
        #expect(try motion(text) != nil)
        #expect(try motion(text, "yard") == nil)
    }

    @Test func `advertised hosts are a list without ports`() throws {
        let file = try parse("advertise: [cam.example.org, '2001:db8::7']")
        #expect(file.advertisedHosts == ["cam.example.org", "2001:db8::7"])
        #expect(try parse("motion: on").advertisedHosts.isEmpty)
        #expect(throws: PolicyError.self) { _ = try parse("advertise: ['tcp://cam.example.org:7450']") }
        #expect(throws: PolicyError.self) { _ = try parse("advertise: cam.example.org") }
    }

    @Test func `recordings of gone cameras are kept without limit unless the file sets one`() throws {
        #expect(try parse("").goneCameraKeep == 0)
        #expect(try parse("gone-cameras:\n  keep: 30d").goneCameraKeep == 30 * 86_400)
        #expect(try parse("gone-cameras:\n  keep: off").goneCameraKeep == 0)
        #expect(throws: PolicyError.self) { _ = try parse("gone-cameras: 30d") }
        #expect(throws: PolicyError.self) { _ = try parse("gone-cameras:\n  keep: 30") }
    }

    @Test func `a schedule turns motion detection on and off`() throws {
        let text = "motion:\n  when: ['mon-fri 18:00-08:00', 'sat,sun']\n"
        func isOn(_ weekday: Int, _ hour: Int, _ minute: Int = 0) throws -> Bool {
            try motion(text, at: LocalTime(weekday: weekday, minute: hour * 60 + minute)) != nil
        }
        #expect(try !isOn(0, 12))
        #expect(try isOn(0, 18))
        #expect(try isOn(1, 7, 59))
        #expect(try !isOn(1, 8))
        #expect(try isOn(5, 3), "Friday's span reaches into Saturday")
        #expect(try isOn(6, 23, 59))
        #expect(try !isOn(0, 7), "no span begins on a Sunday evening")
    }

    @Test(arguments: [
        "", "mon", "mon-", "monday 10:00-11:00", "10:00", "10:00-10:00", "25:00-26:00", "10:60-11:00", "24:00-01:00",
        "10:00-11:00 12:00-13:00", "mon tue", "10:00-11:00 mon", "mon,,tue", "1:2-3:4",
    ])
    func `an invalid time is not a schedule`(text: String) {
        #expect((Schedule([text]) == nil) == (text != "mon"))
    }

    @Test func `recording settings come from the file, or from the defaults`() throws {
        func recording(
            _ text: String, _ camera: String = "porch", default defaultMode: RecordingMode? = nil
        ) throws -> Recording.Camera? {
            try parse(text).recording(of: Name(camera), default: defaultMode)
        }
        #expect(try recording("") == nil)
        let defaults = try #require(try recording("", default: .motion))
        #expect(
            defaults.mode == .motion && defaults.preRoll == 5 && defaults.postRoll == 5 && defaults.keep == 14 * 86_400)
        #expect(defaults.keepBytes == 0 && defaults.thinAfter == 0 && defaults.thinRate > 0)
        #expect(try recording("record: continuous")?.mode == .continuous)
        #expect(try recording("record: off", default: .both) == nil)
        let text = """
            record:
              mode: motion
              pre-roll: 10s
              post-roll: 1m
              keep: off
              keep-megabytes: 100
            cameras:
              porch:
                record:
                  mode: both
                  keep: 36h
                  thin-after: 3d
                  thin-fps: 2
                  codec: h264
              yard:
                record: off
            """
        let porch = try #require(try recording(text))
        #expect(porch.mode == .both && porch.preRoll == 10 && porch.postRoll == 60 && porch.keep == 36 * 3600)
        #expect(porch.keepBytes == 100 << 20 && porch.thinAfter == 3 * 86_400 && porch.thinRate == 2000)
        #expect(try recording(text, "yard") == nil)
        #expect(try recording(text, "hall")?.keep == 0)
        #expect(try porch.codec == .h264 && recording(text, "hall")?.codec == .jpeg)
        #expect(throws: PolicyError.self) { try recording("record:\n  codec: h265\n", "hall") }
    }

    @Test func `all keys of hooks are read`() throws {
        let text = """
            hooks:
              - name: bell
                run: [/usr/bin/ring, --loud]
                cameras: [porch, "back yard"]
                events: [start]
                seconds: 2.5
              - name: server
                post: https://example.org/secam
                secret-file: /etc/secret
            """
        let hooks = try parse(text).hooks
        #expect(hooks.map(\.name) == ["bell", "server"])
        #expect(hooks[0].action == .run(["/usr/bin/ring", "--loud"]))
        #expect(hooks[0].cameras.map(\.text) == ["porch", "back yard"])
        #expect(hooks[0].states == [.start] && hooks[0].timeout == .seconds(2.5))
        #expect(hooks[1].action == .post("https://example.org/secam", secretFile: "/etc/secret"))
        #expect(hooks[1].states == [.start, .end] && hooks[1].conditions.isEmpty)
        let alarm = "hooks:\n  - name: a\n    run: [/bin/true]\n    events: [disk-low, camera-offline]\n"
        #expect(try parse(alarm).hooks[0].states.isEmpty)
        #expect(try parse(alarm).hooks[0].conditions == [.diskLow, .cameraOffline])
    }

    /// An invalid text, the line of its error, and a part of the error's message.
    static let invalid: [(String, Int, String)] = [
        ("motion: maybe", 1, "on, off"),
        ("motion:\n  sensitivity: 101", 2, "1 to 100"),
        ("motion:\n  sensitivity: high", 2, "1 to 100"),
        ("motion:\n  sensitivity: [1]", 2, "1 to 100"),
        ("motion:\n  smallest-object: -1", 2, "0.0 to 100.0"),
        ("motion:\n  smallest-object: nan", 2, "0.0 to 100.0"),
        ("motion:\n  maps-per-second: 0", 2, "1 to 30"),
        ("motion:\n  sensitvity: 50", 2, "sensitvity"),
        ("motion:\n  when: never", 2, "list"),
        ("motion:\n  when: []", 2, "off"),
        ("motion:\n  when: ['25:00-26:00']", 2, "25:00"),
        ("motion:\n  zones:\n    - watch: [[0, 0], [1, 1]]", 3, "3"),
        ("motion:\n  zones:\n    - watch: [[0, 0], [1, 1], [2, 0]]", 3, "0.0 to 1.0"),
        ("motion:\n  zones:\n    - watch: [[0, 0], [1, 1], [1]]", 3, "two numbers"),
        ("motion:\n  zones:\n    - look: [[0, 0], [1, 1], [1, 0]]", 3, "look"),
        ("motion:\n  zones:\n    - {}", 3, "watch and ignore"),
        ("camera: {}", 1, "cameras"),
        ("cameras: [porch]", 1, "keys"),
        ("cameras:\n  a/b: {}", 2, "a/b"),
        ("cameras:\n  porch:\n    record: on", 3, "off, motion"),
        ("cameras:\n  porch:\n    zones: []", 3, "zones"),
        ("record: sometimes", 1, "off, motion"),
        ("record:\n  keep: 14", 2, "14d"),
        ("record:\n  keep: 9999999999d", 2, "4294967295"),
        ("record:\n  pre-roll: 2h", 2, "3600"),
        ("record:\n  keep-megabytes: 0", 2, "1 to"),
        ("record:\n  thin-fps: 0", 2, "0.001"),
        ("record:\n  codec: h265", 2, "codec"),
        ("cameras:\n  porch: {}\n  porch: {}", 1, "twice"),
        ("hooks:\n  - run: [/bin/true]", 2, "name"),
        ("hooks:\n  - name: a", 2, "neither"),
        ("hooks:\n  - name: a\n    run: /bin/true", 3, "list"),
        ("hooks:\n  - name: a\n    run: []", 3, "program"),
        ("hooks:\n  - name: a\n    run: [true]", 3, "absolute path"),
        ("hooks:\n  - name: a\n    run: [/bin/true]\n    post: http://x", 4, "both"),
        ("hooks:\n  - name: a\n    post: ftp://x", 3, "https"),
        ("hooks:\n  - name: a\n    post: 'http://x\\ny z'", 3, "https"),
        ("hooks:\n  - name: a\n    run: [/bin/true]\n    secret-file: /x", 2, "post"),
        ("hooks:\n  - name: a\n    run: [/bin/true]\n    events: [begin]", 4, "begin"),
        ("hooks:\n  - name: a\n    run: [/bin/true]\n    events: []", 4, "at least one"),
        ("hooks:\n  - name: a\n    run: [/bin/true]\n    seconds: 0", 4, "0.1"),
        ("hooks:\n  - name: a\n    run: [/bin/true]\n  - name: a\n    run: [/bin/true]", 4, "two hooks"),
        ("a: [", 1, "YAML"),
        ("\t", 1, "YAML"),
        ("just words", 1, "keys"),
    ]

    @Test(arguments: invalid) func `an error names its line and the problem`(text: String, line: Int, part: String)
        throws
    {
        let error = try #require(throws: PolicyError.self) { _ = try parse(text) }
        #expect(error.line == line || part == "YAML" || part == "twice", "\(error)")
        #expect(error.description.contains(part), "\(error)")
        #expect(error.path == "policy.yaml")
    }

    @Test func `all errors of a file are found at once, in the order of its lines`() throws {
        let text = """
            motoin: on
            record:
              kep: 14d
              pre-roll: 5
              codec: h264
            cameras:
              a/b: {}
              porch:
                motion:
                  sensitivity: 101
                  zones:
                    - look: []
                    - watch: [[0, 0], [1, 1]]
                record: sometimes
            hooks:
              - nmae: bell
                run: [true]
              - name: bell
                run: /bin/true
                events: [begin]
              - name: alarm
              - name: alarm
                run: [/bin/true]
            advertise: ['tcp://a', b]
            """
        let problems = PolicyFile.problems(in: text, path: "policy.yaml")
        #expect(problems.map(\.line) == [1, 3, 4, 7, 10, 12, 13, 14, 16, 16, 17, 19, 20, 21, 24], "\(problems)")
        for (reason, part) in zip(
            problems.map(\.reason),
            [
                "motoin", "kep", "pre-roll", "a/b", "1 to 100", "look", "3", "off, motion", "nmae", "without a name",
                "absolute path", "list", "begin", "neither", "tcp://a",
            ])
        { #expect(reason.contains(part)) }
        #expect(try #require(throws: PolicyError.self) { _ = try parse(text) } == problems[0])
        #expect(PolicyFile.problems(in: "motion: on\n", path: "policy.yaml").isEmpty)
    }

    @Test func `a file that other users may write is refused`() throws {
        let scratch = try ScratchFolder()
        try scratch.write("motion: off\n", to: "policy.yaml", mode: 0o666)
        let error = try #require(throws: PolicyError.self) { _ = try PolicyFile.read(scratch.file("policy.yaml")) }
        #expect(error.description.contains("chmod 644"))
        try scratch.write("motion: off\n", to: "policy.yaml", mode: 0o644)
        #expect(try PolicyFile.read(scratch.file("policy.yaml")).motion.isOn == false)
        #expect(try PolicyFile.read(scratch.file("none.yaml")) == .none)
    }
}
