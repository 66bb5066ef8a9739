import Foundation
import Glibc
import SecamTestSupport
import Testing

/// `secam user`, `secam keys` and `secam status`.
@Suite struct CommandTests {
    private let scratch = try! ScratchFolder()

    private func secam(_ arguments: String..., input: String? = nil) async throws -> FinishedProgram {
        try await Programs.run(
            "secam", arguments, in: scratch, environment: ["SECAM_DATA": scratch.file("data")], input: input)
    }

    @Test func `users added before the first start stay, and it shows no password`() async throws {
        let added = try await secam("user", "add", "anna", "--role", "admin", "--password-stdin", input: "anna's own\n")
        #expect(added.status == 0, "\(added.errors)")
        let viewer = try await secam(
            "user", "add", "vera", "--cameras", "a,b", "--password-stdin", input: "vera's own\n")
        #expect(viewer.status == 0, "\(viewer.errors)")
        let listed = try await secam("user", "list", "--json").json()
        #expect(listed.values.map { $0["name"].text } == ["anna", "vera"])
        #expect(listed[0]["role"].text == "admin")
        #expect(listed[1]["role"].text == "viewer")
        #expect(listed[1]["cameras"].values.map(\.text) == ["a", "b"])
        let set = try await RunningSet(scratch: scratch)
        defer { set.up.kill() }
        #expect(set.password == nil)
        let cameras = try await set.cameras(user: "anna", password: "anna's own")
        #expect(cameras["demo"] != nil)
    }

    @Test(arguments: [
        ["user", "list"], ["user", "remove", "anna"], ["keys", "list"], ["keys", "revoke", "porch"], ["status"],
        ["archive", "check"], ["archive", "rebuild"],
    ])
    func `a missing folder is an error, and is not created`(command: [String]) async throws {
        let finished = try await Programs.run(
            "secam", command, in: scratch, environment: ["SECAM_DATA": scratch.file("mistyped")])
        #expect(finished.status == 66 && finished.errors.contains("mistyped"), "\(finished.errors)")
        #expect(!FileManager.default.fileExists(atPath: scratch.file("mistyped")))
    }

    @Test func `a user is added once`() async throws {
        #expect(try await secam("user", "add", "anna", "--password-stdin", input: "a password\n").status == 0)
        let again = try await secam("user", "add", "anna", "--password-stdin", input: "a password\n")
        #expect(again.status == 65)
        #expect(again.errors.contains("there is a user 'anna' already"))
    }

    @Test(arguments: ["", "a/b", "a\u{1}b", ".hidden", "-x", String(repeating: "x", count: 300)])
    func `invalid user names are refused`(name: String) async throws {
        let finished = try await Programs.run(
            "secam", ["user", "add", "--password-stdin", "--", name], in: scratch,
            environment: ["SECAM_DATA": scratch.file("data")], input: "a password\n")
        #expect(finished.status == 64, "\(finished.errors)")
        #expect(finished.errors.contains("not usable as a name"))
        #expect(!finished.errors.dropLast().contains { $0.isASCII && $0.asciiValue! < 32 }, "one line, no control")
    }

    @Test func `the last admin can be neither removed nor demoted`() async throws {
        #expect(
            try await secam("user", "add", "anna", "--role", "admin", "--password-stdin", input: "a password\n").status
                == 0)
        let removed = try await secam("user", "remove", "anna")
        #expect(removed.status == 65)
        #expect(removed.errors.contains("only admin"))
        let demoted = try await secam("user", "grant", "anna", "--role", "viewer")
        #expect(demoted.status == 65)
        let listed = try await secam("user", "list", "--json").json()
        #expect(listed[0]["role"].text == "admin")
    }

    @Test func `commands on an unknown user are errors`() async throws {
        #expect(try await secam("user", "add", "anna", "--password-stdin", input: "a password\n").status == 0)
        for arguments in [
            ["user", "remove", "nobody"], ["user", "passwd", "nobody", "--password-stdin"],
            ["user", "grant", "nobody", "--cameras", "a"],
        ] {
            let finished = try await Programs.run(
                "secam", arguments + ["--data", scratch.file("data")], in: scratch, input: "a password\n")
            #expect(finished.status == 65, "\(arguments): \(finished.errors)")
            #expect(finished.errors.contains("there is no user 'nobody'"))
        }
    }

    @Test func `unusable passwords are refused`() async throws {
        let empty = try await secam("user", "add", "anna", "--password-stdin", input: "\n")
        #expect(empty.status == 65)
        let none = try await secam("user", "add", "anna", "--password-stdin")
        #expect(none.status == 64)
        let long = try await secam(
            "user", "add", "anna", "--password-stdin", input: String(repeating: "x", count: 2000) + "\n")
        #expect(long.status == 65)
        let prompt = try await secam("user", "add", "anna")
        #expect(prompt.status == 64)
        #expect(prompt.errors.contains("--password-stdin"), "without a terminal it says what to use instead")
        let role = try await secam("user", "add", "anna", "--role", "king", "--password-stdin", input: "x\n")
        #expect(role.status == 64)
        #expect(try await secam("user", "list", "--json").json().values.isEmpty)
        let short = try await secam("user", "add", "anna", "--password-stdin", input: "short\n")
        #expect(short.status == 0)
        #expect(short.output.contains("easily guessed"))
    }

    @Test func `keys are created, listed and revoked`() async throws {
        let file = scratch.file("porch.join")
        let invited = try await secam("keys", "invite", "porch", "--registry", "tcp://10.0.0.1:7444", "-o", file)
        #expect(invited.status == 0, "\(invited.errors)")
        #expect(scratch.text("porch.join").contains("registry=tcp://10.0.0.1:7444"))
        #expect(try mode(file) == 0o600)
        let listed = try await secam("keys", "list", "--json").json()
        #expect(listed[0]["role"].text == "capture")
        #expect(listed[0]["name"].text == "porch")
        #expect(listed[0]["key"].text?.count == 64)
        #expect(
            !scratch.text("porch.join").contains(try #require(listed[0]["key"].text)),
            "the join file has the secret key")
        let again = try await secam("keys", "invite", "porch", "--registry", "tcp://10.0.0.1:7444", "-o", file)
        #expect(again.status == 73)
        let revoked = try await secam("keys", "revoke", "porch")
        #expect(revoked.status == 0, "\(revoked.errors)")
        #expect(try await secam("keys", "list", "--json").json().values.isEmpty)
        let twice = try await secam("keys", "revoke", "porch")
        #expect(twice.status == 65)
        let role = try await secam(
            "keys", "invite", "x", "--role", "gateway", "--registry", "tcp://a:1", "-o", file + "2")
        #expect(role.status == 64)
    }

    private func mode(_ path: String) throws -> Int? {
        (try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? NSNumber)?.intValue
    }

    @Test func `status shows services, cameras, rates, drops, credit and viewers`() async throws {
        let set = try await RunningSet(["a=test:320x240@10", "b=test:64x64@5"], scratch: scratch)
        defer { set.up.kill() }
        let viewer = try set.startView(["live", "a", "--headless"])
        try await set.waitForFrames(10)
        let status = try await set.status()
        let services = status["services"].values
        #expect(services.map { $0["role"].text } == ["gateway", "capture", "capture", "encode"])
        #expect(services[0]["viewers"].integer == 1)
        #expect(services[0]["messages_refused"].integer == 0)
        let camera = try await set.status("capture", "a")
        #expect(camera["camera"]["state"].text == "online")
        #expect(camera["camera"]["source"].text == "test:320x240@10")
        #expect(try #require(camera["camera"]["fps_in"].number) > 0)
        #expect(try #require(camera["camera"]["fps_out"].number) > 0)
        #expect(try #require(camera["frames_dropped"].integer) >= 0)
        #expect(try #require(camera["credit_from_workers"].integer) >= 0)
        let table = try await set.secam(["status"])
        for word in ["cameras", "a ", "b ", "online", "320x240", "dropped ", "viewers 1", "services"] {
            #expect(table.output.contains(word), "\(word) in \(table.output)")
        }
        viewer.kill()
    }

    @Test func `init creates missing files and keeps existing ones`() async throws {
        let joins = [
            "--join", "capture/demo=\(scratch.file("demo.join"))", "--join",
            "encode/encode-*=\(scratch.file("encode.join"))",
        ]
        let first = try await Programs.run(
            "secam", ["init", "--data", scratch.file("data"), "--registry", "tcp://gateway:7444"] + joins, in: scratch)
        #expect(first.status == 0, "\(first.errors)")
        #expect(RunningSet.password(in: first.output) != nil)
        #expect(first.output.contains("secam-view live demo"))
        let key = scratch.text("demo.join")
        #expect(key.contains("registry=tcp://gateway:7444") && key.contains("name=demo"))
        #expect(scratch.text("encode.join").contains("name=encode-*"))
        #expect(scratch.mode("demo.join") == 0o600)

        let again = try await Programs.run(
            "secam", ["init", "--data", scratch.file("data"), "--registry", "tcp://other:7444"] + joins, in: scratch)
        #expect(again.status == 0, "\(again.errors)")
        #expect(RunningSet.password(in: again.output) == nil, "the password is shown once")
        #expect(scratch.text("demo.join") == key.replacingOccurrences(of: "gateway", with: "other"))
        #expect(try await secam("keys", "list", "--json").json().values.count == 3, "with the operator's")
    }

    @Test func `a gateway starts with the contents of a seed folder`() async throws {
        let made = try await Programs.run(
            "secam",
            [
                "init", "--data", scratch.file("made"), "--registry", "tcp://gateway:7444", "--join",
                "encode/*=\(scratch.file("encode.join"))",
            ],
            in: scratch)
        #expect(made.status == 0, "\(made.errors)")
        try FileManager.default.createDirectory(atPath: scratch.file("seed"), withIntermediateDirectories: true)
        for file in ["keys/gateway.key", "keys/allowed", "tls/tls-identity.pem", "users.sqlite"] {
            let name = file.split(separator: "/").last ?? ""
            try FileManager.default.copyItem(
                atPath: scratch.file("made/\(file)"), toPath: scratch.file("seed/\(name)"))
        }
        for _ in 1...2 {
            let gateway = try Programs.start(
                "secam-gateway",
                [
                    "--data", scratch.file("data"), "--seed", scratch.file("seed"), "--port", "0", "--listen",
                    "tcp://127.0.0.1:*", "--ready-file", scratch.file("ready"),
                ], in: scratch)
            defer { gateway.kill() }
            try await eventually("the gateway") { scratch.text("ready").contains("fingerprint=") }
            #expect(made.output.contains(scratch.text("ready").split(separator: "=").last?.dropLast() ?? "none"))
        }
        #expect(scratch.text("data/keys/gateway.key") == scratch.text("made/keys/gateway.key"))
        let keys = try await secam("keys", "list", "--json").json().values
        #expect(Set(keys.map { $0["role"].text }) == ["encode", "operator"])
        #expect(try await secam("user", "list", "--json").json()[0]["name"].text == "admin")
    }

    @Test func `init reports an unusable join file, and continues with the others`() async throws {
        func initialize(_ data: String, _ joins: String...) async throws -> FinishedProgram {
            try await Programs.run(
                "secam",
                ["init", "--data", scratch.file(data), "--registry", "tcp://gateway:7444"]
                    + joins.flatMap { ["--join", $0] }, in: scratch)
        }
        _ = try await initialize("old", "capture/demo=\(scratch.file("demo.join"))")
        let new = try await initialize(
            "data", "capture/demo=\(scratch.file("demo.join"))", "encode/*=\(scratch.file("encode.join"))")
        #expect(new.status == 0, "\(new.errors)")
        #expect(new.output.contains("demo.join: it is of another gateway; remove the file"))
        #expect(scratch.text("encode.join").contains("role=encode"))
        _ = try await secam("keys", "revoke", "*")
        let revoked = try await initialize("data", "encode/*=\(scratch.file("encode.join"))")
        #expect(revoked.output.contains("encode.join: its key was revoked; remove the file"))
        let odd = try await initialize("data", "porch=somewhere")
        #expect(odd.status == 64 && odd.errors.contains("expected ROLE/NAME=FILE"), "\(odd.errors)")
    }

    @Test func `a health check reports the state of a service without secam up`() async throws {
        let health = scratch.file("health")
        func check(_ question: String) async throws -> FinishedProgram {
            try await Programs.run(
                "secam-encode", ["--health", question], in: scratch, environment: ["SECAM_HEALTH_FILE": health])
        }
        #expect(try await check("alive").status == 69, "nothing runs yet")
        _ = try await secam(
            "init", "--registry", "tcp://127.0.0.1:1", "--join", "encode/encode-*=\(scratch.file("encode.join"))")
        let gateway = try Programs.start(
            "secam-gateway",
            [
                "--data", scratch.file("data"), "--port", "0", "--listen", "tcp://127.0.0.1:*", "--ready-file",
                scratch.file("ready"),
            ],
            in: scratch)
        defer { gateway.kill() }
        let address = try await eventually("the gateway") {
            scratch.text("ready").split(separator: "\n").first { $0.hasPrefix("registry=") }?.dropFirst(9)
        }
        let encode = try Programs.start(
            "secam-encode", ["--join", scratch.file("encode.join"), "--registry", String(address)], in: scratch,
            environment: ["SECAM_HEALTH_FILE": health])
        defer { encode.kill() }
        try await eventually("health") { try await check("joined").status == 0 }
        gateway.kill()
        try await eventually("the loss") { try await check("joined").status == 69 }
        let alone = try await check("joined")
        #expect(alone.errors.contains("the registry does not answer"), "\(alone.errors)")
        #expect(try await check("alive").status == 0)
        encode.kill()
        try await eventually("silence") { try await check("alive").errors.contains("has not reported for") }
    }

    @Test func `status without a running set is an error that names secam up`() async throws {
        let fresh = try await secam("status")
        #expect(fresh.status == 66)
        let set = try await RunningSet(scratch: scratch)
        set.up.kill()
        let stopped = try await secam("status")
        #expect(stopped.status == 2)
        #expect(stopped.errors.contains("secam up"))
    }

    @Test func `a running service gives back the memory that only its start needed`() async throws {
        let set = try await RunningSet(scratch: scratch)
        defer { set.up.kill() }
        let start = try set.services()
        // A tiny ring, so that no other memory grows meanwhile.
        let encode = try #require(start.first { $0.role == "encode" }?.process)
        try await eventually("much less in memory than at the start") {
            try Self.kilobytes("VmRSS", of: encode) < Self.kilobytes("VmHWM", of: encode) * 3 / 4
        }
        let watched = try await set.view(["live", "demo", "--headless", "--frames", "10"])
        #expect(watched.status == 0, "\(watched.errors)")
        #expect(try set.services() == start, "no service has ended")
    }

    /// Returns a value from /proc/PID/status.
    private static func kilobytes(_ name: String, of process: Int32) throws -> Int {
        let status = try String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)
        let line = status.split(separator: "\n").first { $0.hasPrefix("\(name):") }
        guard let number = line?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap({ Int($0) }) else {
            throw TestFailure("no \(name) in /proc/\(process)/status")
        }
        return number
    }
}
