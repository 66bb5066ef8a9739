import Glibc
import SecamBase
import SecamTestSupport
import Testing

/// A service whose event loop stands still ends itself; one that was merely stopped goes on.
@Suite(.serialized) struct HangTests {
    /// Seconds; more than a busy machine keeps a thread waiting.
    private static let limit = 6

    private let scratch = try! ScratchFolder()

    /// The gateway, or an encoder that has joined it, ready and fit to be traced.
    private func start(_ program: String, _ arguments: [String]) async throws -> ChildProgram {
        let health = scratch.file("\(program).health")
        let child = try Programs.start(
            program, arguments + ["--watchdog", "\(Self.limit)"], in: scratch,
            environment: ["SECAM_HEALTH_FILE": health, "SECAM_DEBUG": "1"])
        try await eventually("\(program) is ready") {
            guard child.ending == nil else { throw TestFailure("\(program) ended: \(child.errors)") }
            return scratch.text("\(program).health") == "ready\n"
        }
        return child
    }

    private func startGateway() async throws -> ChildProgram {
        try await start(
            "secam-gateway",
            [
                "--data", scratch.file("data"), "--host", "127.0.0.1", "--port", "0", "--listen", "tcp://127.0.0.1:*",
                "--ready-file", scratch.file("ready"),
            ])
    }

    private func startEncode() async throws -> ChildProgram {
        let registry = scratch.text("ready").split(separator: "\n").first { $0.hasPrefix("registry=") }?.dropFirst(9)
        let invited = try await Programs.run(
            "secam",
            [
                "keys", "invite", "*", "--role", "encode", "--registry", String(try #require(registry)), "-o",
                scratch.file("encode.join"),
            ], in: scratch, environment: ["SECAM_DATA": scratch.file("data")])
        try #require(invited.status == 0, "\(invited.errors)")
        return try await start("secam-encode", ["--join", scratch.file("encode.join")])
    }

    @Test(arguments: ["gateway", "NIO-ELT-"]) func `a gateway with a loop that hangs ends itself`(
        _ thread: String
    ) async throws {
        let gateway = try await startGateway()
        defer { gateway.kill() }
        try await StoppedThread.stop(thread, of: gateway.processIdentifier)
        let finished = try await gateway.finish()
        #expect(finished.status == ExitStatus.software.rawValue)
        #expect(finished.errors.contains("event loop stalled  loop=\(thread == "gateway" ? thread : "viewers")"))
    }

    @Test func `a member with a loop that hangs ends itself`() async throws {
        let gateway = try await startGateway()
        defer { gateway.kill() }
        let encode = try await startEncode()
        defer { encode.kill() }
        try await StoppedThread.stop("encode", of: encode.processIdentifier)
        let finished = try await encode.finish()
        #expect(finished.status == ExitStatus.software.rawValue)
        #expect(finished.errors.contains("event loop stalled  loop=encode"), "\(finished.errors)")
        #expect(gateway.ending == nil)
    }

    @Test func `a process that was stopped for longer than the limit goes on`() async throws {
        let gateway = try await startGateway()
        defer { gateway.kill() }
        let encode = try await startEncode()
        defer { encode.kill() }
        for child in [gateway, encode] { child.send(SIGSTOP) }
        // The stop itself is to last: there is nothing else to wait for.
        try await Task.sleep(for: .seconds(Self.limit * 2))
        for name in ["secam-gateway", "secam-encode"] { try scratch.write("", to: "\(name).health") }
        for child in [gateway, encode] { child.send(SIGCONT) }
        for name in ["secam-gateway", "secam-encode"] {
            try await eventually("\(name) works again") { scratch.text("\(name).health") == "ready\n" }
        }
        // Rounds that were late would have come by now.
        try await Task.sleep(for: .seconds(Self.limit))
        #expect(gateway.ending == nil && encode.ending == nil, "\(gateway.errors) \(encode.errors)")
    }
}
