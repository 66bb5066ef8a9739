import Foundation
import SecamTestSupport
import Testing

/// A Python with ZeroMQ.
private enum Python {
    static let path = ProcessInfo.processInfo.environment["SECAM_TEST_PYTHON"] ?? "/usr/bin/python3"

    static let isAvailable: Bool = {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = ["-c", "import zmq"]
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return false }
        process.waitUntilExit()
        return process.terminationStatus == 0
    }()
}

/// Runs the code of the pages for implementers against the programs.
@Suite(.serialized, .enabled(if: Python.isAvailable, "needs python3-zmq: sh docker/deps.sh test"))
struct PageExampleTests {
    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "pages")

    /// Writes a program of the code of a page and a file of this folder, and starts it.
    ///
    /// - Parameter port: where a camera listens, in place of the page's port.
    private func start(
        _ name: String, _ arguments: [String], in scratch: ScratchFolder, port: Int = 7450
    ) throws -> ChildProgram {
        let page = ConversationFile.folder.appending(path: "write-a-\(name).md")
        let code = try String(contentsOf: page, encoding: .utf8).components(separatedBy: "```").filter {
            $0.hasPrefix("python\n")
        }.map { $0.dropFirst("python\n".count) }
        #expect(code.count == 1)
        let rest = try ["common", name].map { file in
            try String(contentsOf: Self.folder.appending(path: "\(file).py"), encoding: .utf8)
        }
        let text = (code.map(String.init) + rest).joined(separator: "\n")
        try scratch.write(text.replacing(":7450", with: ":\(port)"), to: "\(name).py")
        return try Programs.start(Python.path, [scratch.file("\(name).py")] + arguments, in: scratch)
    }

    /// Returns a join file for a name that joins the running set.
    private func invite(_ name: String, in set: RunningSet) async throws -> String {
        let own = set.scratch.text("data/keys/operator-operator.join").split(separator: "\n")
        let registry = try #require(own.first { $0.hasPrefix("registry=") }?.dropFirst("registry=".count))
        return try await Programs.invite(
            name, role: name.hasSuffix("*") ? "encode" : "capture", registry: String(registry),
            file: "\(name.filter(\.isLetter)).secam", in: set.scratch)
    }

    @Test func `the viewer of the page shows all cameras`() async throws {
        try await RunningSet.with(["demo=test:320x240@10", "yard=test:64x64@10"]) { set in
            let host = set.address.split(separator: ":").map(String.init)
            let viewer = try start(
                "viewer", [host[0], host[1], set.fingerprint, "admin", set.password ?? "", "2", "5"], in: set.scratch)
            let finished = try await viewer.finish()
            #expect(finished.status == 0, "\(finished.errors)")
            let denied = try start(
                "viewer", [host[0], host[1], set.fingerprint, "admin", "wrong", "2", "5"], in: set.scratch)
            let reason = try await denied.finish()
            #expect(reason.status == 1 && reason.errors.hasPrefix("denied, reason 1: "), "\(reason.errors)")
        }
    }

    @Test func `the worker of the page encodes for all cameras of the roster`() async throws {
        try await RunningSet.with { set in
            try await removeEncoders(of: set)
            let worker = try start("worker", [try await invite("my-*", in: set)], in: set.scratch)
            defer { worker.kill() }
            for rendition in ["jpeg", "sub"] {
                let seen = try await set.view(
                    ["live", "demo", "--headless", "--frames", "5", "--rendition", rendition])
                #expect(seen.status == 0, "\(seen.errors); \(worker.errors)")
            }
            #expect(try await set.status("capture", "demo")["messages_refused"].integer == 0)
        }
    }

    @Test func `a dedicated worker of the page serves its own camera only`() async throws {
        try await RunningSet.with { set in
            try await removeEncoders(of: set)
            let file = try await invite("porch", in: set)
            let camera = try Programs.start(
                "secam-capture", ["--join", file, "--source", "test:322x240@10"], in: set.scratch)
            defer { camera.kill() }
            let worker = try start("worker", [file], in: set.scratch)
            defer { worker.kill() }
            try await eventually("frames of its camera") {
                try await set.view(["live", "porch", "--headless", "--frames", "5"]).status == 0
            }
            let others = try await set.status("capture", "demo")
            #expect(others["credit_from_workers"].integer == 0 && others["messages_refused"].integer == 0)
        }
    }

    @Test func `the smallest camera of the page is shown, recorded, and asked once for what it lacks`() async throws {
        try await RunningSet.with(motion: 1, record: "continuous", archives: 1) { set in
            let port = try Programs.freePort()
            let file = try await invite("porch", in: set)
            let camera = try start("camera", [file, "\(port)"], in: set.scratch, port: port)
            defer { camera.kill() }
            try await eventually("frames") {
                try await set.view(["live", "porch", "--headless", "--frames", "5"]).status == 0
            }
            try await eventually("recordings") {
                try await set.view(["recordings", "porch", "--json"]).json()["recordings"].values.isEmpty == false
            }
            for _ in 0..<3 {
                let viewer = try set.startView(["live", "porch", "--headless", "--rendition", "sub"])
                defer { viewer.kill() }
                try await eventually("the reason why nothing is shown") {
                    viewer.errors.contains("the camera 'porch' does not provide sub")
                }
            }
            try await eventually("the motion service asked") { camera.output.contains("refused 4 3\n") }
            let refused = camera.output.split(separator: "\n")
            // Role and content: the gateway asks for `sub` and events, the motion service for luma maps.
            for flow in ["refused 1 2", "refused 1 4", "refused 4 3"] {
                #expect(refused.count { $0 == flow } == 1, "\(flow) in \(refused)")
            }
            let logged = set.up.errors.split(separator: "\n").filter { $0.contains("flow refused") }
            #expect(logged.count { $0.contains("noSuchContent") } == 3, "\(logged)")
        }
    }

    /// Takes the key of the set's own encoders away, so that only the page's worker encodes.
    private func removeEncoders(of set: RunningSet) async throws {
        let revoked = try await set.secam(["keys", "revoke", "encode-*"])
        #expect(revoked.status == 0, "\(revoked.errors)")
        try await eventually("no encoder") { try await set.status("encode") == .null }
    }
}
