import Glibc
import SecamTestSupport
import Testing

/// Services that are started separately, each with a join file.
@Suite(.serialized) struct StartOrderTests {
    private let scratch = try! ScratchFolder()
    private let port: Int

    init() async throws {
        port = try Programs.freePort()
        for (role, name) in [("capture", "demo"), ("encode", "*")] {
            _ = try await Programs.invite(name, role: role, registry: registry, file: "\(role).join", in: scratch)
        }
        let added = try await secam(["user", "add", "anna", "--password-stdin"], input: "a long password\n")
        try #require(added.status == 0, "\(added.errors)")
    }

    private var registry: String { "tcp://127.0.0.1:\(port)" }

    private func secam(_ arguments: [String], input: String? = nil) async throws -> FinishedProgram {
        try await Programs.run(
            "secam", arguments, in: scratch, environment: ["SECAM_DATA": scratch.file("data")], input: input)
    }

    private func startCapture() throws -> ChildProgram {
        try Programs.start(
            "secam-capture", ["--join", scratch.file("capture.join"), "--source", "test:320x240@10"], in: scratch)
    }

    private func startEncode() throws -> ChildProgram {
        try Programs.start("secam-encode", ["--join", scratch.file("encode.join")], in: scratch)
    }

    private func startGateway() async throws -> ChildProgram {
        try scratch.write("", to: "gateway.ready")
        let gateway = try Programs.start(
            "secam-gateway",
            [
                "--data", scratch.file("data"), "--host", "127.0.0.1", "--port", "0", "--listen", registry,
                "--ready-file", scratch.file("gateway.ready"),
            ],
            in: scratch)
        try await eventually("the gateway's ready file") {
            guard gateway.ending == nil else { throw TestFailure("the gateway ended: \(gateway.errors)") }
            return scratch.text("gateway.ready").contains("fingerprint=")
        }
        return gateway
    }

    /// Watches until frames arrive, which requires that all three services have found each other.
    private func watch() async throws {
        let lines = scratch.text("gateway.ready").split(separator: "\n").map { $0.split(separator: "=") }
        let values = Dictionary(uniqueKeysWithValues: lines.map { ($0[0], String($0[1])) })
        let address = try #require(values["viewers"])
        let fingerprint = try #require(values["fingerprint"])
        let login = ["--server", address, "--username", "anna", "--fingerprint", fingerprint]
        try await eventually("the camera is listed") {
            let listed = try await Programs.run(
                "secam-view", ["cameras", "--json"] + login, in: scratch,
                environment: ["SECAM_PASSWORD": "a long password"])
            let state = listed.status == 0 ? try listed.json()["cameras"][0]["state"].text : nil
            return state == "online" || state == "idle"
        }
        let seen = try await Programs.run(
            "secam-view", ["live", "demo", "--headless", "--frames", "5"] + login, in: scratch,
            environment: ["SECAM_PASSWORD": "a long password"])
        #expect(seen.status == 0, "\(seen.errors)")
    }

    @Test func `capture and encode may start long before the gateway`() async throws {
        let capture = try startCapture()
        try await eventually("the camera is open") { capture.errors.contains("online") }
        let encode = try startEncode()
        let gateway = try await startGateway()
        try await watch()
        for program in [capture, encode, gateway] { #expect(program.ending == nil) }
    }

    @Test func `an encoder that starts last encodes the waiting frames`() async throws {
        let gateway = try await startGateway()
        let capture = try startCapture()
        try await eventually("the camera has joined") { capture.errors.contains("joined") }
        let encode = try startEncode()
        try await watch()
        for program in [capture, encode, gateway] { #expect(program.ending == nil) }
    }

    @Test func `all services rejoin a gateway that was absent`() async throws {
        let capture = try startCapture()
        let encode = try startEncode()
        let first = try await startGateway()
        try await watch()
        first.kill()
        try await eventually("the camera misses the gateway") { capture.errors.contains("registry unreachable") }
        let second = try await startGateway()
        try await watch()
        for program in [capture, encode, second] { #expect(program.ending == nil) }
    }

    @Test func `each service stops within five seconds`() async throws {
        let gateway = try await startGateway()
        let capture = try startCapture()
        let encode = try startEncode()
        try await watch()
        for program in [encode, capture, gateway] {
            program.send(SIGTERM)
            let finished = try await program.finish()
            #expect(finished.status == 0, "\(finished.errors)")
        }
    }

    @Test func `a revoked camera is refused and receives the reason`() async throws {
        let gateway = try await startGateway()
        let capture = try startCapture()
        let encode = try startEncode()
        try await watch()
        let revoked = try await secam(["keys", "revoke", "demo"])
        #expect(revoked.status == 0, "\(revoked.errors)")
        try await eventually("the gateway reports that it left") {
            gateway.errors.contains("left") && gateway.errors.contains("revoked")
        }
        #expect(encode.ending == nil && gateway.ending == nil)
        capture.kill()
        let again = try startCapture()
        try await eventually("the gateway refuses its key") { gateway.errors.contains("key not admitted") }
        #expect(!again.errors.contains("joined"))
    }

    @Test func `the join file of another system is refused and both sides report it`() async throws {
        let foreign = try ScratchFolder()
        let made = try await Programs.run(
            "secam",
            [
                "keys", "invite", "demo", "--registry", registry, "-o", foreign.file("foreign.join"), "--data",
                foreign.file("data"),
            ], in: foreign)
        try #require(made.status == 0, "\(made.errors)")
        let gateway = try await startGateway()
        let stranger = try Programs.start(
            "secam-capture", ["--join", foreign.file("foreign.join"), "--source", "test:320x240@10"], in: foreign)
        let capture = try startCapture()
        let encode = try startEncode()
        try await watch()
        #expect(!stranger.errors.contains("joined"))
        for program in [gateway, capture, encode] { #expect(program.ending == nil) }
    }
}
