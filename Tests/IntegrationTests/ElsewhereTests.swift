import Foundation
import Glibc
import SecamTestSupport
import Testing

/// Cameras outside of the set of `secam up`, which join with an invitation from the operator.
@Suite(.serialized) struct ElsewhereTests {
    private let scratch: ScratchFolder

    init() throws { scratch = try ScratchFolder() }

    private func invite(_ set: RunningSet, _ name: String, _ options: String...) async throws -> String {
        let registry =
            scratch.text("data/keys/operator-operator.join").split(separator: "\n")
            .first { $0.hasPrefix("registry=") }?.dropFirst(9) ?? ""
        let file = scratch.file("\(name).secam")
        let invited = try await set.secam(
            ["keys", "invite", name, "--registry", String(registry), "-o", file] + options)
        #expect(invited.status == 0, "\(invited.errors)")
        return file
    }

    private func start(_ program: String, _ arguments: String...) throws -> ChildProgram {
        try Programs.start(program, arguments, in: scratch)
    }

    @Test func `a camera with its own encoder is visible until its key is revoked`() async throws {
        let set = try await RunningSet(scratch: scratch)
        defer { set.up.kill() }
        let file = try await invite(set, "porch")
        let camera = try start("secam-capture", "--join", file, "--source", "test:160x120@10")
        defer { camera.kill() }
        let encoder = try start("secam-encode", "--join", file)
        defer { encoder.kill() }
        let own = try await eventually("the camera's own encoder") {
            try await set.status()["services"].values.first { $0["name"].text?.hasPrefix("porch@") == true }?["name"]
                .text
        }
        try await eventually("frames of the camera") {
            try await set.view(["live", "porch", "--headless", "--frames", "20"]).status == 0
        }
        let seen = try await set.view(["live", "demo", "--headless", "--frames", "20"])
        #expect(seen.status == 0, "\(seen.errors)")
        try await eventually("its own encoder has done the camera's work") {
            try #require(try await set.status("encode", own)["jobs_done"].integer) >= 20
        }
        let others = try await set.status("encode", "encode-\(try #require(own.split(separator: "@").last))")
        #expect(others == .null || others["jobs_failed"].integer == 0)

        let revoked = try await set.secam(["keys", "revoke", "porch"])
        #expect(revoked.status == 0, "\(revoked.errors)")
        try await eventually("the camera is on no list") { try await set.cameras()["porch"] == nil }
        try await eventually("its encoder is gone as well") {
            try await set.status()["services"].values.allSatisfy { $0["name"].text != own }
        }
        try await eventually("the reason in the camera's log") {
            camera.errors.contains("check the address, and this key with")
        }
        #expect(
            try await set.view(["live", "demo", "--headless", "--frames", "3"]).status == 0,
            "the other camera continues")
    }

    @Test func `a camera refuses the dedicated encoder of another one`() async throws {
        let set = try await RunningSet(scratch: scratch)
        defer { set.up.kill() }
        // Its arguments make it connect to the other camera instead of its own.
        let file = try await invite(set, "porch")
        let endpoint = try #require(try await set.status("capture", "demo")["endpoint"].text)
        let camera = try start("secam-capture", "--join", file, "--source", "test:64x64@5")
        defer { camera.kill() }
        let encoder = try start("secam-encode", "--join", file, "--camera", endpoint)
        defer { encoder.kill() }
        // The other camera has another key, so that the handshake already fails.
        try await eventually("the encoder's place on the roster") {
            try await set.status()["services"].values.contains { $0["name"].text?.hasPrefix("porch@") == true }
        }
        let seen = try await set.view(["live", "demo", "--headless", "--frames", "10"])
        #expect(seen.status == 0, "\(seen.errors)")
        let jobs = try await set.status()["services"].values.first { $0["name"].text?.hasPrefix("porch@") == true }
        #expect(jobs?["jobs_done"].integer == 0)
    }

    @Test func `a camera with only outbound connections is visible, also after a restart of the gateway`() async throws
    {
        let set = try await RunningSet(motion: 1, record: "continuous", scratch: scratch)
        defer { set.up.kill() }
        let file = try await invite(set, "porch", "--relay", set.address)
        #expect(scratch.text("porch.secam").contains("relay=\(set.address)"))
        let camera = try start("secam-capture", "--join", file, "--source", "test:160x120@10")
        defer { camera.kill() }
        try await eventually("a port at the gateway") {
            try await set.status("capture", "porch")["endpoint"].text?.hasPrefix("relay:") == true
        }
        try await eventually("frames through the gateway") {
            try await set.view(["live", "porch", "--headless", "--frames", "20"]).status == 0
        }
        // Motion services and archives use the same relay.
        try await eventually("recordings") {
            try await set.view(["recordings", "porch", "--json"]).json()["recordings"].values.isEmpty == false
        }
        try await set.killService("gateway")
        try await eventually("frames through the new gateway") {
            try await set.view(["live", "porch", "--headless", "--frames", "20"]).status == 0
        }
        let revoked = try await set.secam(["keys", "revoke", "porch"])
        #expect(revoked.status == 0)
        try await eventually("the camera is on no list") { try await set.cameras()["porch"] == nil }
    }

    @Test func `the relay sends nothing to a peer without a ticket`() async throws {
        let set = try await RunningSet(scratch: scratch)
        defer { set.up.kill() }
        for bytes in [Array("secam-relay/1\n".utf8) + [UInt8](repeating: 7, count: 32), Array("secam-relay/2\n".utf8)] {
            let socket = try PlainSocket(set.address)
            try socket.send(bytes)
            #expect(try socket.readToEnd().count < 16, "closed, with a TLS alert at most")
        }
        let half = try PlainSocket(set.address)
        try half.send(Array("secam-relay".utf8))
        #expect(try await set.view(["live", "demo", "--headless", "--frames", "3"]).status == 0)
    }

    @Test func `invalid invitations are refused`() async throws {
        func invite(_ arguments: String...) async throws -> FinishedProgram {
            try await Programs.run(
                "secam", ["keys", "invite"] + arguments + ["--data", scratch.file("data")], in: scratch)
        }
        let shown = try await invite("porch", "--registry", "tcp://home:7444", "-o", "-")
        #expect(shown.output.contains("name=porch\n") && shown.output.contains("name=porch@*\n"))
        let relay = try await invite("porch", "--relay", "https://somewhere", "-o", scratch.file("a"))
        #expect(relay.status == 64 && relay.errors.contains("expected host:port"))
        let role = try await invite("motion-*", "--role", "motion", "--relay", "home:7443", "-o", scratch.file("a"))
        #expect(role.status == 64 && role.errors.contains("--relay is for cameras"))
        #expect(scratch.text("a").isEmpty)
        try scratch.write(
            "viewers=127.0.0.1:1\nregistry=tcp://127.0.0.1:2\nfingerprint=x\nkey=y\n", to: "data/gateway.ready")
        let local = try await invite("porch", "-o", scratch.file("a"))
        #expect(local.status == 69 && local.errors.contains("--listen tcp://0.0.0.0:7444"), "\(local.errors)")
    }
}
