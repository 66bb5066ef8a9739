import Foundation
import Glibc
import SecamTestSupport
import Testing

/// Conditions that need an operator, in the status, metrics, hooks and logs.
@Suite struct ConditionTests {
    private let scratch = try! ScratchFolder()

    @Test func `an offline camera is in the status, the metrics and the hooks`() async throws {
        try scratch.write("", to: "told")
        let script = "echo \"$SECAM_KIND $SECAM_STATE $SECAM_CAMERA\" >> '\(scratch.file("told"))'"
        try FileManager.default.createDirectory(atPath: scratch.file("data"), withIntermediateDirectories: true)
        try scratch.write(
            """
            hooks:
              - name: alarm
                run: [/bin/sh, -c, \(quoted(script))]
                events: [camera-offline, recording-stopped, disk-low]
            """, to: "data/policy.yaml", mode: 0o644)
        let port = try Programs.freePort()
        let set = try await RunningSet(
            [RunningSet.camera, "gone=file:\(scratch.file("missing.mkv"))"],
            arguments: ["--metrics", "127.0.0.1:\(port)"], scratch: scratch)
        defer { set.up.kill() }
        try await eventually("the camera offline in the status") {
            let status = try await set.status()
            return status["state"].text == "degraded"
                && status["problems"].values.contains {
                    $0["kind"].text == "camera-offline" && $0["name"].text == "gone"
                }
        }
        let finished = try await set.secam(["status"])
        #expect(
            finished.status == 1 && finished.output.hasPrefix("PROBLEM camera-offline gone: "), "\(finished.output)")
        try await eventually("the camera offline in the metrics") {
            let page = try await Programs.run(
                "/usr/bin/env", ["curl", "-sS", "http://127.0.0.1:\(port)/metrics"], in: scratch
            ).output
            return page.contains("secam_camera_state{camera=\"gone\",state=\"offline\"} 1")
                && page.contains("secam_camera_state{camera=\"demo\",state=\"offline\"} 0")
                && page.contains("secam_gateway_up 1")
                && page.contains("secam_frames_captured_total{role=\"capture\",service=\"demo\"}")
        }
        try await eventually("the hook") { scratch.text("told").contains("camera-offline start gone\n") }
        #expect(!scratch.text("told").contains("demo"))
        #expect(set.up.errors.contains("condition began"))
    }

    @Test func `stopped recording is in the status and in the list of cameras`() async throws {
        let port = try Programs.freePort()
        let set = try await RunningSet(
            record: "continuous", arguments: ["--metrics", "127.0.0.1:\(port)"], scratch: scratch)
        defer { set.up.kill() }
        func recording() async throws -> String? { try await set.cameras()["demo"]?["recording"].text }
        func page() async throws -> String {
            try await Programs.run(
                "/usr/bin/env", ["curl", "-sS", "http://127.0.0.1:\(port)/metrics"], in: scratch
            ).output
        }
        try await eventually("recording") { try await recording() == "on" }
        try await eventually("a set without problems") { try await set.secam(["status"]).status == 0 }
        #expect(try await page().contains("secam_camera_recording_stopped{camera=\"demo\"} 0\n"))
        // Replaces the folder of the recordings by a file, so that no archive can write.
        let folder = scratch.file("data/recordings")
        let archive = try set.processes("archive")[0]
        kill(archive, SIGSTOP)
        try FileManager.default.moveItem(atPath: folder, toPath: folder + ".away")
        try scratch.write("in the way", to: "data/recordings")
        kill(archive, SIGKILL)
        try await eventually("stopped recording in the list of cameras") { try await recording() == "stopped" }
        let status = try await set.secam(["status"])
        #expect(status.status == 1 && status.output.contains("PROBLEM recording-stopped"), "\(status.output)")
        #expect(try await page().contains("secam_camera_recording_stopped{camera=\"demo\"} 1\n"))
        try FileManager.default.removeItem(atPath: folder)
        try FileManager.default.moveItem(atPath: folder + ".away", toPath: folder)
        try await eventually("recording again") { try await recording() == "on" }
        let listed = try await set.view(["recordings", "--json"])
        #expect(try listed.json()["cameras"][0]["recording"].text == "on")
    }

    @Test func `a camera that does not return after a restart of the gateway is offline`() async throws {
        let port = try Programs.freePort()
        let set = try await RunningSet(arguments: ["--metrics", "127.0.0.1:\(port)"], scratch: scratch)
        defer { set.up.kill() }
        let registry = scratch.text("data/keys/operator-operator.join").split(separator: "\n")
            .first { $0.hasPrefix("registry=") }?.dropFirst(9)
        let file = scratch.file("porch.secam")
        _ = try await set.secam(["keys", "invite", "porch", "--registry", String(registry ?? ""), "-o", file])
        let camera = try Programs.start(
            "secam-capture", ["--join", file, "--source", "test:160x120@10"], in: scratch)
        defer { camera.kill() }
        try await set.waitForCamera("porch", "idle", "online")
        try await eventually("the camera is remembered") { scratch.text("data/cameras").contains("porch\n") }
        camera.kill()
        try await set.killService("gateway")
        func problem() async throws -> JSONValue? {
            try? await set.status()["problems"].values.first { $0["name"].text == "porch" }
        }
        try await eventually("the camera offline in the status") {
            try await problem()?["kind"].text == "camera-offline"
        }
        #expect(try await set.cameras()["porch"]?["state"].text == "offline")
        let page = try await Programs.run(
            "/usr/bin/env", ["curl", "-sS", "http://127.0.0.1:\(port)/metrics"], in: scratch
        ).output
        #expect(page.contains("secam_camera_state{camera=\"porch\",state=\"offline\"} 1"))
        try await eventually("the condition in the log, which hooks hear of too") {
            set.up.errors.split(separator: "\n").contains {
                $0.contains("condition began") && $0.contains("name=porch")
            }
        }
        _ = try await set.secam(["keys", "revoke", "porch"])
        try await eventually("the status without the revoked camera") {
            let cameras = try await set.cameras()
            let problem = try await problem()
            return cameras["demo"] != nil && cameras["porch"] == nil && problem == nil
        }
    }

    @Test func `a camera that secam up no longer starts is not reported`() async throws {
        let first = try await RunningSet(["demo=test:160x120@10", "yard=test:160x120@10"], scratch: scratch)
        defer { first.up.kill() }
        try await eventually("the cameras are remembered") { scratch.text("data/cameras") == "demo\nyard\n" }
        first.up.send(SIGTERM)
        _ = try await first.up.finish()
        let second = try await RunningSet(
            ["demo=test:160x120@10"], scratch: scratch, password: first.password)
        defer { second.up.kill() }
        try await eventually("a set without problems") { try await second.secam(["status"]).status == 0 }
        #expect(scratch.text("data/cameras") == "demo\n")
        #expect(try await Set(second.cameras().keys) == ["demo"])
    }

    @Test func `every service serves its own metrics, with and without a registry`() async throws {
        func page(_ port: Int) async throws -> String {
            try await Programs.run(
                "/usr/bin/env", ["curl", "-sS", "http://127.0.0.1:\(port)/metrics"], in: scratch
            ).output
        }
        let ports = (gateway: try Programs.freePort(), encode: try Programs.freePort())
        let gateway = try Programs.start(
            "secam-gateway",
            [
                "--data", scratch.file("data"), "--host", "127.0.0.1", "--port", "0", "--listen", "tcp://127.0.0.1:*",
                "--metrics", "127.0.0.1:\(ports.gateway)",
            ], in: scratch)
        defer { gateway.kill() }
        try await eventually("the gateway's figures") {
            try await page(ports.gateway).contains("secam_viewers{role=\"gateway\",service=\"gateway\"} 0")
        }
        let join = try await Programs.invite("encode-1", role: "encode", in: scratch)
        let encode = try Programs.start(
            "secam-encode", ["--join", join, "--metrics", "127.0.0.1:\(ports.encode)"], in: scratch)
        defer { encode.kill() }
        try await eventually("the figures of an encoder whose registry is away") {
            try await page(ports.encode).contains("secam_jobs_done_total{role=\"encode\",service=\"encode-1\"} 0")
        }
        encode.send(SIGTERM)
        #expect(try await encode.finish().status == 0, "it ends as without metrics")
    }

    private func quoted(_ text: String) -> String { "'" + text.replacingOccurrences(of: "'", with: "''") + "'" }
}
