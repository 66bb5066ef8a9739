import SecamBase
import SecamProcess
import SecamTestSupport
import Testing

@Suite struct SettingsTests {
    private func settings(_ commandLine: [String: String] = [:], _ environment: [String: String] = [:]) -> Settings {
        Settings(commandLine: commandLine, environment: environment)
    }

    @Test func `the command line takes precedence over the environment`() {
        let both = settings(["listen.port": "1"], ["SECAM_LISTEN_PORT": "2"])
        #expect(both.text("listen.port") == "1")
        #expect(settings([:], ["SECAM_LISTEN_PORT": "2"]).text("listen.port") == "2")
        #expect(settings([:], ["LISTEN_PORT": "2", "listen_port": "3"]).text("listen.port") == nil)
        #expect(settings().text("listen.port") == nil)
    }

    @Test func `an empty value counts as missing`() {
        #expect(settings(["source": ""]).text("source") == nil)
        #expect(settings([:], ["SECAM_SOURCE": ""]).text("source") == nil)
    }

    @Test func `a value may contain any character`() throws {
        let text = "rtsp://u:p=%20\"x\"@h/a?b=c,d e"
        #expect(settings(["source": text]).text("source") == text)
        #expect(settings([:], ["SECAM_SOURCE": text]).text("source") == text)
    }

    @Test func `a missing setting is named as option and as variable`() {
        let error = #expect(throws: SettingsError.self) { _ = try settings().required("listen.port", "a port") }
        #expect("\(error!)" == "--listen-port (or SECAM_LISTEN_PORT) is missing: expected a port")
        #expect(error!.exitStatus == .usage)
    }

    @Test(arguments: ["0", "65536", "-1", "8o", "1.5", " 7", "99999999999999999999", "0x10"])
    func `an invalid number is reported with its value and range`(value: String) {
        let error = #expect(throws: SettingsError.self) {
            _ = try settings([:], ["SECAM_LISTEN_PORT": value]).integer("listen.port", in: 1...65535, default: 5)
        }
        #expect("\(error!)" == "--listen-port (or SECAM_LISTEN_PORT) is '\(value)': expected a number from 1 to 65535")
    }

    @Test func `a number is read, or else its default applies`() throws {
        #expect(try settings(["threads": "256"]).integer("threads", in: 1...256, default: 4) == 256)
        #expect(try settings().integer("threads", in: 1...256, default: 4) == 4)
    }

    @Test func `the environment is that of the process`() {
        #expect(ProgramEnvironment.variables["PATH"]?.isEmpty == false)
        #expect(ProgramEnvironment.processors > 0)
        #expect(!ProgramEnvironment.hostName.contains("."))
        #expect(ProgramEnvironment.hostName.count <= 24)
    }
}

@Suite struct ExitStatusTests {
    @Test func `exit statuses have the numbers of sysexits`() {
        let numbers: [SecamBase.ExitStatus] = [
            .success, .usage, .data, .noInput, .unavailable, .software, .cannotCreate, .noPermission, .configuration,
        ]
        #expect(numbers.map(\.rawValue) == [0, 64, 65, 66, 69, 70, 73, 77, 78])
    }

    @Test func `a missing file is a missing input and a forbidden file a missing permission`() throws {
        let folder = try ScratchFolder()
        let missing = #expect(throws: SecretFile.Failure.self) { _ = try SecretFile.read(folder.file("none")) }
        #expect(missing!.exitStatus == .noInput)
        try folder.write("x", to: "open", mode: 0o644)
        let open = #expect(throws: SecretFile.Failure.self) { _ = try SecretFile.read(folder.file("open")) }
        #expect(open!.exitStatus == .noPermission)
    }
}

@Suite struct FiguresTests {
    @Test func `the process reports its figures`() {
        let figures = ProcessFigures.current
        #expect(figures.residentBytes > 1 << 20)
        var sum = 0
        for number in 0..<3_000_000 { sum &+= number }
        #expect(ProcessFigures.current.cpuMicroseconds >= figures.cpuMicroseconds && sum != 0)
    }

    @Test func `the monotonic clock never goes back`() {
        var last = MonotonicTime.now
        for _ in 0..<1000 {
            let now = MonotonicTime.now
            #expect(now >= last)
            last = now
        }
        #expect(last + .microseconds(7) - last == .microseconds(7))
        // Between 2020 and 2100.
        #expect((1_577_836_800_000_000...4_102_444_800_000_000).contains(WallClock.now))
    }
}
