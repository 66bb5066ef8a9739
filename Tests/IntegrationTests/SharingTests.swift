import Foundation
import Glibc
import SecamTestSupport
import Testing

/// Raw pictures in memory that the camera and the encoders of one machine share.
@Suite(.serialized) struct SharingTests {
    /// Waits until this many encoders read the camera's pictures in shared memory, and pictures have gone that way.
    private func waitForSharing(_ set: RunningSet, encoders: Int = 1) async throws {
        let before = try await set.status("capture")["work_shared"].integer ?? 0
        try await eventually("\(encoders) encoders share memory") {
            let camera = try await set.status("capture")
            return camera["workers_sharing"].integer == encoders && (camera["work_shared"].integer ?? 0) > before + 10
        }
    }

    private func startViewer(_ set: RunningSet) throws -> ChildProgram {
        try set.startView(["live", "demo", "--headless", "--stats"])
    }

    /// Returns the address of a set's registry.
    private func registry(_ set: RunningSet) throws -> String {
        let lines = set.scratch.text("data/gateway.ready").split(separator: "\n")
        let address = lines.first { $0.hasPrefix("registry=") }?.dropFirst("registry=".count)
        return String(try #require(address))
    }

    /// Starts a further encoder, by default as `secam up` starts its own.
    private func startEncoder(
        _ set: RunningSet, _ arguments: [String], launcher: [String] = [], join: String? = nil
    ) throws -> ChildProgram {
        let command =
            launcher + [
                "\(Programs.folder)/secam-encode", "--join", join ?? "\(set.data)/keys/encode-encode-.join",
                "--registry", try registry(set),
            ] + arguments
        return try Programs.start(
            command[0], Array(command.dropFirst()), in: set.scratch,
            environment: ["SECAM_HEALTH_FILE": set.scratch.file("other.health")])
    }

    /// Waits until the set's encoder and another one have both returned pictures, and only the first shares memory.
    private func waitForBothWays(_ set: RunningSet, _ other: ChildProgram) async throws {
        try await eventually("both encoders return pictures, one of them from shared memory") {
            if let ending = other.ending { throw TestFailure("the encoder ended: \(ending) \(other.errors)") }
            let services = try await set.status()["services"].values
            let encoders = services.filter { $0["role"].text == "encode" }
            let camera = services.first { $0["role"].text == "capture" }
            let second = encoders.first { $0["pid"].integer == Int(other.processIdentifier) }
            let first = encoders.first { $0["pid"].integer != Int(other.processIdentifier) }
            return camera?["workers"].integer == 2 && camera?["workers_sharing"].integer == 1
                && first?["cameras_shared"].integer == 1 && second?["cameras_shared"].integer == 0
                && second?["jobs_done"].integer ?? 0 > 3 && first?["jobs_done"].integer ?? 0 > 3
                && (camera?["work_shared"].integer ?? 0) > 3
        }
    }

    @Test func `the services of secam up share raw pictures, and status says so`() async throws {
        try await RunningSet.with { set in
            let viewer = try startViewer(set)
            try await waitForSharing(set)
            try await set.waitForFrames(10)
            let encoder = try await set.status("encode")
            #expect(encoder["cameras_shared"].integer == 1)
            let camera = try await set.status("capture")
            #expect(camera["frames_dropped"].integer == 0 && camera["messages_refused"].integer == 0)
            let table = try await set.secam(["status"])
            #expect(table.output.contains("shared memory 1 of 1 encoders"), "\(table.output)")
            let picture = try await set.view(["snapshot", "demo", "-o", "demo.jpg"])
            #expect(picture.status == 0, "\(picture.errors)")
            viewer.send(SIGINT)
            #expect(try await viewer.finish().status == 0)
        }
    }

    @Test func `an encoder without the folder works beside one that shares memory`() async throws {
        // Several pictures at once, so that both encoders have work.
        try await RunningSet.with(["demo=test:640x480@25"]) { set in
            let viewer = try startViewer(set)
            try await waitForSharing(set)
            let other = try startEncoder(set, [])
            defer { other.kill() }
            try await stopFirstNowAndThen(set) { try await waitForBothWays(set, other) }
            viewer.kill()
        }
    }

    /// Stops the set's encoder for a moment while `body` runs, because a camera prefers the faster one of two encoders.
    private func stopFirstNowAndThen(_ set: RunningSet, _ body: () async throws -> Void) async throws {
        let first = try #require(try set.processes("encode").first)
        let stopping = Task {
            while !Task.isCancelled {
                kill(first, SIGSTOP)
                try? await Task.sleep(for: .milliseconds(400))
                kill(first, SIGCONT)
                try? await Task.sleep(for: .seconds(2))
            }
            kill(first, SIGCONT)
        }
        defer { stopping.cancel() }
        try await body()
    }

    @Test(.enabled(if: geteuid() == 0))
    func `an encoder that does not see the folder, as in another container, gets its pictures in messages`()
        async throws
    {
        try await RunningSet.with(["demo=test:640x480@25"]) { set in
            let viewer = try startViewer(set)
            try await waitForSharing(set)
            let folder = "\(set.data)/share"
            let other = try startEncoder(
                set, ["--share", folder],
                launcher: [
                    "/usr/bin/unshare", "--mount", "sh", "-c", "mount -t tmpfs none \(folder) && exec \"$@\"", "sh",
                ])
            defer { other.kill() }
            try await stopFirstNowAndThen(set) { try await waitForBothWays(set, other) }
            viewer.kill()
        }
    }

    @Test(.enabled(if: geteuid() == 0 && FileManager.default.fileExists(atPath: "/usr/bin/setpriv")))
    func `an encoder of another user gets its pictures in messages`() async throws {
        try await RunningSet.with(["demo=test:640x480@25"]) { set in
            let viewer = try startViewer(set)
            try await waitForSharing(set)
            // The folder can be entered, but the socket is its user's alone.
            for name in ["", "data", "data/share"] { try set.scratch.setMode(name, 0o755) }
            try set.scratch.copyFile("data/keys/encode-encode-.join", to: "other.join")
            let user = 12345
            #expect(unsafe chown(set.scratch.file("other.join"), uid_t(user), gid_t(user)) == 0)
            try set.scratch.setMode("other.join", 0o600)
            let other = try startEncoder(
                set, ["--share", "\(set.data)/share"],
                launcher: ["/usr/bin/setpriv", "--reuid=\(user)", "--regid=\(user)", "--clear-groups"],
                join: set.scratch.file("other.join"))
            defer { other.kill() }
            try await stopFirstNowAndThen(set) { try await waitForBothWays(set, other) }
            #expect(other.errors.contains("shared memory not mapped"), "\(other.errors)")
            #expect(other.errors.contains("belongs to user"), "\(other.errors)")
            viewer.kill()
        }
    }

    @Test(arguments: ["writable", "link", "file"])
    func `with a folder that cannot be used, pictures go in messages and one line says why`(kind: String) async throws {
        let scratch = try ScratchFolder()
        try scratch.makeFolders("data")
        try scratch.setMode("data", 0o700)
        switch kind {
        case "writable":
            try scratch.makeFolders("data/share")
            try scratch.setMode("data/share", 0o777)
        case "link":
            try scratch.makeFolders("elsewhere")
            #expect(unsafe symlink(scratch.file("elsewhere"), scratch.file("data/share")) == 0)
        default: try scratch.write("", to: "data/share")
        }
        let set = try await RunningSet(scratch: scratch)
        defer { set.up.kill() }
        let seen = try await set.view(["live", "demo", "--headless", "--frames", "10"])
        #expect(seen.status == 0, "\(seen.errors)")
        let camera = try await set.status("capture")
        #expect(camera["work_shared"].integer == 0 && camera["work_sent"].integer ?? 0 >= 10)
        #expect(set.up.errors.components(separatedBy: "shared memory unavailable").count == 2, "\(set.up.errors)")
    }

    @Test func `sharing resumes when the folder is removed and an encoder is killed`() async throws {
        try await RunningSet.with { set in
            let viewer = try startViewer(set)
            try await waitForSharing(set)
            try FileManager.default.removeItem(atPath: "\(set.data)/share")
            try await set.waitForFrames(5)
            try await set.killService("encode")
            try await waitForSharing(set)
            viewer.kill()
        }
    }
}
