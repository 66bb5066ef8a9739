import Glibc
import SecamBase
import SecamTestSupport
import Testing

/// A service exits if its event loop hangs, and continues if the process was only stopped.
@Suite(.serialized) struct HangTests {
    /// Seconds; longer than a busy machine delays a thread.
    private static let limit = 6

    private let scratch = try! ScratchFolder()

    /// Starts a service that can be traced, and waits until it is ready.
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

    @Test(arguments: ["gateway", "NIO-ELT-"]) func `a gateway whose loop hangs exits`(
        _ thread: String
    ) async throws {
        let gateway = try await startGateway()
        defer { gateway.kill() }
        try await StoppedThread.stop(thread, of: gateway.processIdentifier)
        let finished = try await gateway.finish()
        #expect(finished.status == ExitStatus.software.rawValue)
        #expect(finished.errors.contains("event loop stalled  loop=\(thread == "gateway" ? thread : "viewers")"))
    }

    @Test func `a service whose loop hangs exits`() async throws {
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

    @Test func `a process that was stopped for longer than the limit continues`() async throws {
        let gateway = try await startGateway()
        defer { gateway.kill() }
        let encode = try await startEncode()
        defer { encode.kill() }
        for child in [gateway, encode] { child.send(SIGSTOP) }
        // No event marks the end of this time.
        try await Task.sleep(for: .seconds(Self.limit * 2))
        for name in ["secam-gateway", "secam-encode"] { try scratch.write("", to: "\(name).health") }
        for child in [gateway, encode] { child.send(SIGCONT) }
        for name in ["secam-gateway", "secam-encode"] {
            try await eventually("\(name) works again") { scratch.text("\(name).health") == "ready\n" }
        }
        // A late check of the watchdog would have run by now.
        try await Task.sleep(for: .seconds(Self.limit))
        #expect(gateway.ending == nil && encode.ending == nil, "\(gateway.errors) \(encode.errors)")
    }
}
