import Foundation
import Glibc
import SecamBase
import SecamTestSupport
import Testing

/// The first minutes of a new user who has just built the package.
@Suite(.serialized) struct NewcomerTests {
    @Test func `the command that secam up prints works`() async throws {
        let scratch = try ScratchFolder()
        let set = try await RunningSet(scratch: scratch)
        defer { set.up.kill() }
        let lines = set.up.output.split(separator: "\n").map(String.init)
        #expect(lines.contains { $0.contains(set.address) })
        #expect(lines.contains { $0.contains(set.fingerprint) })
        #expect(lines.contains { $0.contains("admin") })
        let password = try #require(set.password)
        let index = try #require(lines.firstIndex(of: "Watch:"))
        let line = lines[index + 1].trimmingCharacters(in: .whitespaces)
        let pasted = try await Programs.run(
            "/bin/sh", ["-c", line + " --headless --frames 5 --stats"], in: scratch,
            environment: ["SECAM_PASSWORD": password])
        #expect(pasted.status == 0, "\(line): \(pasted.errors)")
        #expect(try pasted.json()["cameras"]["demo"]["frames"].integer == 5)
        #expect(pasted.errors.contains(set.fingerprint), "the first connection shows the accepted certificate")
    }

    @Test func `the ready file names every service with its process`() async throws {
        try await RunningSet.with(["a=test:320x240@10", "b=test:320x240@10"], encoders: 2) { set in
            let services = try set.services()
            #expect(services.map(\.role).sorted() == ["capture", "capture", "encode", "encode", "gateway"])
            #expect(Set(services.map(\.name)) == ["a", "b", "encode-1", "encode-2", "gateway"])
            for service in services { #expect(Processes.isRunning(service.process)) }
            let members = try await set.status()["services"].values.compactMap { $0["pid"].integer }
            #expect(Set(members) == Set(services.map { Int($0.process) }))
        }
    }

    @Test func `a second start keeps users and certificate and shows no password`() async throws {
        let scratch = try ScratchFolder()
        let first = try await RunningSet(scratch: scratch)
        first.up.send(SIGTERM)
        let ended = try await first.up.finish()
        #expect(ended.status == 0, "\(ended.errors)")
        #expect(scratch.text("ready.json").isEmpty, "the ready file is removed")
        let second = try await RunningSet(scratch: scratch, password: first.password)
        defer { second.up.kill() }
        #expect(second.fingerprint == first.fingerprint)
        #expect(RunningSet.password(in: second.up.output) == nil)
        let cameras = try await second.cameras()
        #expect(cameras["demo"] != nil, "the password of the first start is still valid")
    }

    @Test(arguments: [false, true]) func `Ctrl-C ends all services`(reachesChildren: Bool) async throws {
        let set = try await RunningSet(
            ["a=test:320x240@10", "b=test:320x240@10"], encoders: 2, scratch: ScratchFolder())
        defer { set.up.kill() }
        let viewer = try set.startView(["live", "--headless"])
        try await set.waitForFrames(4)
        let services = try set.services()
        if reachesChildren { set.up.sendToGroup(SIGINT) } else { set.up.send(SIGINT) }
        let ended = try await set.up.finish()
        #expect(ended.status == 0, "\(ended.errors)")
        for service in services {
            #expect(!Processes.isRunning(service.process), "\(service.role)/\(service.name) is left")
        }
        #expect(Processes.running(inSession: set.up.processIdentifier) == [])
        viewer.kill()
    }

    @Test func `all services end when secam up is killed`() async throws {
        let set = try await RunningSet(scratch: ScratchFolder())
        defer { set.up.kill() }
        let services = try set.services()
        set.up.send(SIGKILL)
        _ = try await set.up.finish()
        for service in services {
            try await eventually("the end of \(service.role)/\(service.name)") {
                !Processes.isRunning(service.process)
            }
        }
    }

    @Test func `secrets are readable by their owner only, and are in no argument`() async throws {
        try await RunningSet.with { set in
            let files = FileManager.default.enumerator(atPath: set.data)?.compactMap { $0 as? String } ?? []
            #expect(files.count > 5)
            for file in files {
                let attributes = try FileManager.default.attributesOfItem(atPath: "\(set.data)/\(file)")
                let mode = try #require((attributes[.posixPermissions] as? NSNumber)?.intValue)
                #expect(mode & 0o077 == 0, "\(file)")
            }
            let password = try #require(set.password)
            for process in Processes.running(inSession: set.up.processIdentifier) {
                let arguments = try Data(contentsOf: URL(fileURLWithPath: "/proc/\(process)/cmdline"))
                #expect(arguments.range(of: Data(password.utf8)) == nil)
            }
            #expect(!set.up.errors.contains(password), "nor in the log")
        }
    }

    @Test(arguments: [
        "secam", "secam-view", "secam-gateway", "secam-capture", "secam-encode", "secam-motion", "secam-archive",
    ])
    func `every program has a help text and a version`(program: String) async throws {
        let scratch = try ScratchFolder()
        let help = try await Programs.run(program, ["--help"], in: scratch)
        #expect(help.status == 0)
        #expect(help.output.contains("USAGE: \(program)"))
        let version = try await Programs.run(program, ["--version"], in: scratch)
        #expect(version.status == 0)
        #expect(version.output == "\(softwareVersion)\n")
        let unknown = try await Programs.run(program, ["--no-such-option"], in: scratch)
        #expect(unknown.status == 64)
        #expect(unknown.errors.contains("--no-such-option"))
    }
}
