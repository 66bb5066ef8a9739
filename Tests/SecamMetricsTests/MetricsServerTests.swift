import Foundation
import SecamMetrics
import SecamProcess
import SecamTestSupport
import SecamWire
import ServiceLifecycle
import Testing

@Suite struct MetricsServerTests {
    /// Serves `page` while `body` runs with the port.
    private func serve(_ page: String, _ body: (Int) async throws -> Void) async throws {
        let settings = Settings(commandLine: ["metrics": "127.0.0.1:0"], environment: [:])
        let (ports, listening) = AsyncStream.makeStream(of: Int.self)
        let server = MetricsServer(
            try #require(try MetricsEndpoint(settings)), onReady: { listening.yield($0) }, page: { page })
        let running = Task {
            defer { listening.finish() }
            try await server.run()
        }
        defer { running.cancel() }
        guard let port = await ports.first(where: { _ in true }) else { return try await running.value }
        try await body(port)
    }

    /// Returns the whole response to a request.
    private func ask(_ port: Int, _ request: String) async throws -> String {
        let scratch = try ScratchFolder()
        let asked = try await Programs.run(
            "/usr/bin/env",
            [
                "bash", "-c",
                "exec 3<>/dev/tcp/127.0.0.1/\(port); printf '\(request.replacing("\r\n", with: "\\r\\n"))' >&3; cat <&3",
            ], in: scratch)
        guard asked.status == 0 else { throw TestFailure(asked.errors) }
        return asked.output
    }

    @Test func `GET metrics is answered and other requests are refused`() async throws {
        try await serve("secam_test 1\n") { port in
            let answer = try await ask(port, "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\n") && answer.hasSuffix("\r\n\r\nsecam_test 1\n"), "\(answer)")
            #expect(answer.contains("Content-Type: text/plain; version=0.0.4"))
            for (request, status) in [
                ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", "404"),
                ("POST /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", "405"),
                ("nonsense\r\n\r\n", "400"),
                ("GET /metrics HTTP/1.1\r\nA: \(String(repeating: "x", count: 100_000))\r\n\r\n", "400"),
            ] {
                // A server that closes a connection with unread data resets it.
                let answer = (try? await ask(port, request)) ?? ""
                #expect(answer.isEmpty || answer.hasPrefix("HTTP/1.1 \(status) "), "\(request.prefix(40)): \(answer)")
                #expect(!answer.contains("secam_test"))
            }
        }
    }

    @Test func `idle connections do not block others for long`() async throws {
        try await serve("secam_test 1\n") { port in
            let idle = try (0..<64).map { _ in try PlainSocket("127.0.0.1:\(port)") }
            try await eventually("an answer beside idle connections") {
                let answer = try? await ask(port, "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n")
                return answer?.contains("secam_test 1") == true
            }
            withExtendedLifetime(idle) {}
        }
    }

    @Test func `a page is in the text exposition format`() throws {
        var text = MetricsText()
        text.add([Figure(.cpuMicroseconds, 1_500_000), Figure(.bytesFree, 7)], role: .archive, name: "a\"\\b")
        text.add([Figure(.bytesFree, 8)], role: .archive, name: "b")
        text.add(.stopped, camera: "porch")
        #expect(
            text.text == """
                # HELP secam_cpu_seconds_total Processor time of the process
                # TYPE secam_cpu_seconds_total counter
                secam_cpu_seconds_total{role="archive",service="a\\"\\\\b"} 1.5
                # HELP secam_disk_free_bytes Free space on the archive's disk
                # TYPE secam_disk_free_bytes gauge
                secam_disk_free_bytes{role="archive",service="a\\"\\\\b"} 7
                secam_disk_free_bytes{role="archive",service="b"} 8
                # HELP secam_camera_recording_stopped 1 while the policy records the camera but no archive does
                # TYPE secam_camera_recording_stopped gauge
                secam_camera_recording_stopped{camera="porch"} 1

                """)
    }

    @Test func `every metric has a distinct name`() throws {
        var text = MetricsText()
        text.add(Metric.allCases.map { Figure($0, 1) }, role: .gateway, name: "gateway")
        let names = text.text.split(separator: "\n").filter { $0.hasPrefix("# TYPE ") }
        #expect(Set(names).count == Metric.allCases.count)
    }

    @Test(arguments: ["9464", "127.0.0.1", "127.0.0.1:", "127.0.0.1:70000", ":9464", "::1:9464"])
    func `an endpoint without address and port is rejected`(text: String) {
        #expect(throws: SettingsError.self) {
            try MetricsEndpoint(Settings(commandLine: ["metrics": text], environment: [:]))
        }
    }
}
