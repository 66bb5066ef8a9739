import Foundation
import Glibc
import SecamTestSupport
import Testing

/// Protection of the passwords and keys of running programs from other programs and users of the machine.
@Suite(.serialized) struct SecretsTests {
    /// An offline source, at a port without a listener.
    private static let deadAddress = "127.0.0.1:1/stream"
    private static let login = "porch=watcher:p@ss#wörd-1\n"

    /// Runs a program without root's capabilities, which let it read any process.
    private static let withoutCapabilities =
        geteuid() == 0 ? ["/usr/bin/setpriv", "--bounding-set=-all", "--inh-caps=-all"] : []

    private static func start(
        _ cameras: [String], environment: [String: String] = [:], arguments: [String] = [],
        scratch: ScratchFolder
    ) async throws -> RunningSet {
        try await RunningSet(
            cameras, motion: 1, archives: 1, environment: environment, arguments: arguments,
            launcher: withoutCapabilities, scratch: scratch)
    }

    /// Returns whether another process of this user can read a process's environment. Its memory has the same protection.
    private func isReadable(_ process: Int32, _ scratch: ScratchFolder) async throws -> Bool {
        let command = Self.withoutCapabilities + ["/usr/bin/env", "cat", "/proc/\(process)/environ"]
        let finished = try await Programs.run(command[0], Array(command.dropFirst()), in: scratch)
        if finished.status != 0 { #expect(finished.errors.contains("denied"), "\(finished.errors)") }
        return finished.status == 0
    }

    private func coreLimit(_ process: Int32) throws -> [Substring] {
        let limits = try String(contentsOfFile: "/proc/\(process)/limits", encoding: .utf8)
        let line = try #require(limits.split(separator: "\n").first { $0.hasPrefix("Max core file size") })
        return Array(line.split(separator: " ").dropFirst(4).prefix(2))
    }

    @Test func `programs that hold secrets dump no core and cannot be read by their user`() async throws {
        let scratch = try ScratchFolder()
        let set = try await Self.start([RunningSet.camera], scratch: scratch)
        defer { set.up.kill() }
        let command = Self.withoutCapabilities + ["\(Programs.folder)/secam-view"]
        let viewer = try Programs.start(
            command[0],
            Array(command.dropFirst()) + [
                "live", "--headless", "--server", set.address, "--username", "admin", "--fingerprint", set.fingerprint,
            ], in: scratch, environment: ["SECAM_PASSWORD": set.password ?? ""])
        defer { viewer.kill() }
        try await set.waitForFrames(1)
        let services = try set.services()
        #expect(Set(services.map(\.role)) == ["gateway", "capture", "encode", "motion", "archive"])
        let programs = services.map { ($0.role, $0.process) }
        for (name, process) in programs + [("up", set.up.processIdentifier), ("view", viewer.processIdentifier)] {
            #expect(try coreLimit(process) == ["0", "0"], "\(name)")
            #expect(try await !isReadable(process, scratch), "\(name)")
        }
    }

    @Test func `SECAM_DEBUG lets a debugger read the programs`() async throws {
        let scratch = try ScratchFolder()
        let set = try await Self.start([RunningSet.camera], environment: ["SECAM_DEBUG": "1"], scratch: scratch)
        defer { set.up.kill() }
        for process in try set.services().map(\.process) + [set.up.processIdentifier] {
            #expect(try await isReadable(process, scratch))
        }
    }

    @Test func `a login from --camera-credentials-file reaches the camera, and is in no argument`() async throws {
        let scratch = try ScratchFolder()
        let file = scratch.file("logins")
        try Data(Self.login.utf8).write(to: URL(fileURLWithPath: file))
        _ = unsafe chmod(file, 0o600)
        let set = try await Self.start(
            ["porch=http://\(Self.deadAddress)"], environment: ["SECAM_DEBUG": "1"],
            arguments: ["--camera-credentials-file", file], scratch: scratch)
        defer { set.up.kill() }
        let capture = try #require(try set.processes("capture").first)
        let variables = try Data(contentsOf: URL(fileURLWithPath: "/proc/\(capture)/environ"))
        #expect(variables.split(separator: 0).contains(Data("SECAM_CREDENTIALS=watcher:p@ss#wörd-1".utf8)))
        try await expectNoArgument(holds: "wörd-1", set)
        let status = try await set.secam(["status", "--json"]).output
        #expect(!status.contains("wörd-1") && !set.up.errors.contains("wörd-1"))
        try await set.waitForCamera("porch", "offline")
    }

    @Test(arguments: [
        (["--camera-credentials-file", "logins"], "there is no --camera 'porch'"),
        (["--camera", "porch=http://127.0.0.1:1/", "--camera-credentials-file", "open"], "chmod 600"),
        (["--camera", "porch=http://127.0.0.1:1/", "--camera-credentials-file", "torn"], "torn, line 2: expected"),
        (["--camera", "a*=test:320x240@10"], "the camera name 'a*' is not usable: leave the * out"),
    ])
    func `invalid logins and names are refused`(arguments: [String], reason: String) async throws {
        let scratch = try ScratchFolder()
        for (name, text, mode) in [
            ("logins", Self.login, 0o600), ("open", Self.login, 0o644),
            ("torn", "# logins\nporch=wörd-1\n", 0o600),
        ] {
            try Data(text.utf8).write(to: URL(fileURLWithPath: scratch.file(name)))
            _ = unsafe chmod(scratch.file(name), mode_t(mode))
        }
        let finished = try await Programs.run(
            "secam", ["up", "--data", scratch.file("data")] + arguments, in: scratch)
        #expect(finished.status != 0 && finished.status != nil)
        #expect(finished.errors.contains(reason), "\(finished.errors)")
        #expect(!finished.errors.contains("wörd-1"))
        #expect(!scratch.text("data/keys/allowed").contains("a*"))
    }

    @Test func `a login on the command line is overwritten, with a warning`() async throws {
        let scratch = try ScratchFolder()
        let set = try await Self.start(["porch=http://watcher:w-o-r-d@\(Self.deadAddress)"], scratch: scratch)
        defer { set.up.kill() }
        try await expectNoArgument(holds: "w-o-r-d", set)
        #expect(set.up.errors.contains("camera login given on the command line"))
        #expect(set.up.errors.contains("--camera-credentials-file") && !set.up.errors.contains("w-o-r-d"))
        // The login has reached the camera.
        let state = try await set.waitForCamera("porch", "offline")
        #expect(!"\(state)".contains("no camera"))
    }

    @Test func `a viewer's password on the command line is overwritten`() async throws {
        let scratch = try ScratchFolder()
        let set = try await Self.start([RunningSet.camera], scratch: scratch)
        defer { set.up.kill() }
        let password = try #require(set.password)
        let viewer = try Programs.start(
            "secam-view",
            [
                "live", "--headless", "--server", set.address, "--username", "admin", "--fingerprint", set.fingerprint,
                "--password", password,
            ], in: scratch)
        defer { viewer.kill() }
        try await set.waitForFrames(1)
        let arguments = try Data(contentsOf: URL(fileURLWithPath: "/proc/\(viewer.processIdentifier)/cmdline"))
        #expect(arguments.range(of: Data(password.utf8)) == nil)
        #expect(arguments.range(of: Data("--password".utf8)) != nil)
    }

    private func expectNoArgument(holds secret: String, _ set: RunningSet) async throws {
        let processes = Processes.running(inSession: set.up.processIdentifier)
        #expect(processes.count > 4)
        for process in processes {
            let arguments = try Data(contentsOf: URL(fileURLWithPath: "/proc/\(process)/cmdline"))
            #expect(!arguments.isEmpty && arguments.range(of: Data(secret.utf8)) == nil)
        }
    }
}
