import Foundation
import Glibc
import SecamTestSupport
import Testing

/// What an operator must act on, wherever it shows.
@Suite struct ConditionTests {
    private let scratch = try! ScratchFolder()

    @Test func `a camera that goes offline is in the status, the metrics and the hooks`() async throws {
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

    @Test func `recording that stops is in the status and in the list of cameras`() async throws {
        let set = try await RunningSet(record: "continuous", scratch: scratch)
        defer { set.up.kill() }
        func recording() async throws -> String? { try await set.cameras()["demo"]?["recording"].text }
        try await eventually("recording") { try await recording() == "on" }
        try await eventually("a set without problems") { try await set.secam(["status"]).status == 0 }
        // Where recordings were is a file now, so that no archive can write.
        let folder = scratch.file("data/recordings")
        let archive = try set.processes("archive")[0]
        kill(archive, SIGSTOP)
        try FileManager.default.moveItem(atPath: folder, toPath: folder + ".away")
        try scratch.write("in the way", to: "data/recordings")
        kill(archive, SIGKILL)
        try await eventually("stopped recording in the list of cameras") { try await recording() == "stopped" }
        let status = try await set.secam(["status"])
        #expect(status.status == 1 && status.output.contains("PROBLEM recording-stopped"), "\(status.output)")
        try FileManager.default.removeItem(atPath: folder)
        try FileManager.default.moveItem(atPath: folder + ".away", toPath: folder)
        try await eventually("recording again") { try await recording() == "on" }
        let listed = try await set.view(["recordings", "--json"])
        #expect(try listed.json()["cameras"][0]["recording"].text == "on")
    }

    @Test func `every service serves its own figures, with and without a registry`() async throws {
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
        let join = scratch.file("encode.join")
        let invited = try await Programs.run(
            "secam",
            ["keys", "invite", "encode-1", "--role", "encode", "--registry", "tcp://127.0.0.1:1", "-o", join],
            in: scratch, environment: ["SECAM_DATA": scratch.file("data")])
        #expect(invited.status == 0, "\(invited.errors)")
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
