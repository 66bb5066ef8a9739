import Foundation
import Glibc
import SecamTestSupport
import Testing

/// Mistakes of operators and users. Each is an error that says what failed, why and what to do, and all else continues.
@Suite(.serialized) struct BadInputTests {
    private let scratch = try! ScratchFolder()

    private func up(_ cameras: String...) async throws -> FinishedProgram {
        try await RunningSet.start(cameras, scratch: scratch).finish()
    }

    // MARK: Names and options

    @Test func `a camera name with a slash is refused`() async throws {
        let finished = try await up("a/b=test:320x240@10")
        #expect(finished.status == 64)
        #expect(finished.errors.contains("the camera name 'a/b' is not usable as a name"))
    }

    @Test func `a camera name with a control character is refused, and the character is not printed`() async throws {
        let finished = try await up("a\u{1B}[31mb=test:320x240@10")
        #expect(finished.status == 64)
        #expect(finished.errors.contains("it contains U+1B"))
        #expect(!finished.errors.contains("\u{1B}"))
    }

    @Test func `a camera name of 300 bytes is refused`() async throws {
        let finished = try await up(String(repeating: "x", count: 300) + "=test:320x240@10")
        #expect(finished.status == 64)
        #expect(finished.errors.contains("it has 300 bytes"))
    }

    @Test func `two cameras with the same name are refused`() async throws {
        let finished = try await up("a=test:320x240@10", "a=test:64x64@10")
        #expect(finished.status == 64)
        #expect(finished.errors.contains("two cameras are called 'a'"))
    }

    @Test func `a camera without a source, and an unknown option, are refused`() async throws {
        let bare = try await up("porch")
        #expect(bare.status == 64)
        #expect(bare.errors.contains("expected NAME=SOURCE"))
        let unknown = try await Programs.run("secam", ["up", "--bogus"], in: scratch)
        #expect(unknown.status == 64)
        #expect(unknown.errors.contains("Unknown option '--bogus'"))
        let port = try await Programs.run(
            "secam", ["up", "--port", "70000", "--data", scratch.file("data")], in: scratch)
        #expect(port.status == 64)
        #expect(port.errors.contains("'70000': expected a number from 0 to 65535"))
    }

    @Test(arguments: ["test:320", "test:9x9@1", "ftp://host/x", "v4l2:", "nothing"])
    func `an invalid source ends secam up with the expected formats`(source: String) async throws {
        let finished = try await up("a=\(source)")
        #expect(finished.status == 64, "\(finished.errors)")
        #expect(finished.errors.contains("test:WIDTHxHEIGHT@FPS"))
    }

    // MARK: Duplicates

    @Test func `a second secam up on the same folder is refused, and the first continues`() async throws {
        let set = try await RunningSet(scratch: scratch)
        defer { set.up.kill() }
        let second = try await Programs.run(
            "secam", ["up", "--data", scratch.file("data"), "--port", "0", "--camera", RunningSet.camera], in: scratch)
        #expect(second.status == 69)
        #expect(second.errors.contains("in use by another 'secam up'"))
        #expect(try await set.cameras()["demo"] != nil)
    }

    @Test func `a second capture with the same name is refused with the process of the first`() async throws {
        let set = try await RunningSet(scratch: scratch)
        defer { set.up.kill() }
        // The operator's join file has the registry's address.
        let registry =
            scratch.text("data/keys/operator-operator.join").split(separator: "\n")
            .first { $0.hasPrefix("registry=") }?.dropFirst(9) ?? ""
        let file = scratch.file("second.join")
        let invited = try await set.secam(["keys", "invite", "demo", "--registry", String(registry), "-o", file])
        #expect(invited.status == 0, "\(invited.errors)")
        let second = try Programs.start("secam-capture", ["--join", file, "--source", "test:64x64@5"], in: scratch)
        try await eventually("the second is refused") {
            second.errors.contains("another capture demo runs with process")
        }
        #expect(second.errors.contains("give one of them another name"))
        let seen = try await set.view(["live", "demo", "--headless", "--frames", "3"])
        #expect(seen.status == 0, "\(seen.errors)")
        #expect(try await set.cameras()["demo"]?["width"].integer == 320, "the first one keeps its place")
        #expect(second.ending == nil, "it tries again, since the first one may end")
        second.kill()
    }

    @Test func `the error names a port that is taken`() async throws {
        let first = try await RunningSet(scratch: scratch)
        defer { first.up.kill() }
        let port = String(try #require(first.address.split(separator: ":").last))
        let other = try ScratchFolder()
        let second = try await Programs.run(
            "secam",
            ["up", "--data", other.file("data"), "--host", "127.0.0.1", "--port", port, "--camera", RunningSet.camera],
            in: other)
        #expect(second.status == 69, "\(second.errors)")
        #expect(second.errors.contains("cannot listen on 127.0.0.1, port \(port): another program uses the port"))
        let registry = try await Programs.run(
            "secam",
            [
                "up", "--data", other.file("data"), "--host", "127.0.0.1", "--port", "0", "--listen",
                "tcp://127.0.0.1:\(port)", "--camera", RunningSet.camera,
            ], in: other)
        #expect(registry.status == 69, "\(registry.errors)")
        #expect(registry.errors.contains("cannot listen at tcp://127.0.0.1:\(port)"))
    }

    // MARK: Files

    private static let mayChangeUser = geteuid() == 0 && FileManager.default.fileExists(atPath: "/usr/bin/setpriv")

    @Test(.enabled(if: mayChangeUser, "only root can become a user who may not write"))
    func `the error names a data folder that is not writable`() async throws {
        let folder = scratch.file("closed")
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o755])
        try scratch.setMode("", 0o755)
        for command in [["up", "--port", "0"], ["user", "add", "anna", "--password-stdin"]] {
            let finished = try await Programs.run(
                "/usr/bin/setpriv",
                ["--reuid", "65534", "--clear-groups", "\(Programs.folder)/secam"] + command + [
                    "--data", folder + "/data",
                ],
                in: scratch)
            #expect(finished.status == 77, "\(finished.errors)")
            #expect(finished.errors.contains("\(folder)/data"))
            #expect(finished.errors.contains("Permission denied"))
        }
    }

    @Test func `the error names a data folder that is a file`() async throws {
        try scratch.write("not a folder", to: "data")
        let finished = try await up(RunningSet.camera)
        #expect(finished.status != 0 && finished.status != nil)
        #expect(finished.errors.contains(scratch.file("data")), "\(finished.errors)")
    }

    @Test func `errors name a secret that other users may read, and a damaged key list`() async throws {
        let set = try await RunningSet(scratch: scratch)
        set.up.kill()
        try scratch.setMode("data/keys/gateway.key", 0o644)
        let open = try await up(RunningSet.camera)
        #expect(open.status == 77, "\(open.errors)")
        #expect(open.errors.contains("chmod 600"))
        try scratch.setMode("data/keys/gateway.key", 0o600)
        try scratch.write("rubbish\n", to: "data/keys/allowed")
        let damaged = try await up(RunningSet.camera)
        #expect(damaged.status == 78, "\(damaged.errors)")
        #expect(damaged.errors.contains("allowed, line 1"))
    }

    @Test func `a malformed join file, and one for another program, are refused`() async throws {
        try scratch.write("hello=world\n", to: "junk.join")
        let junk = try await Programs.run(
            "secam-capture", ["--join", scratch.file("junk.join"), "--source", "test:64x64@1"], in: scratch)
        #expect(junk.status == 66, "\(junk.errors)")
        #expect(junk.errors.contains("is not a join file"))
        let missing = try await Programs.run(
            "secam-capture", ["--join", scratch.file("missing.join"), "--source", "test:64x64@1"], in: scratch)
        #expect(missing.status == 66)
        let file = try await Programs.invite("*", role: "encode", in: scratch)
        let other = try await Programs.run(
            "secam-capture", ["--join", file, "--source", "test:64x64@1"], in: scratch)
        #expect(other.errors.contains("is for encode, this program is capture"))
    }

    // MARK: Sources

    @Test func `a missing source is offline with its reason, and other cameras run`() async throws {
        let set = try await RunningSet(
            ["gone=file:/nowhere/film.mkv", "device=v4l2:/dev/video-none", "demo=test:320x240@10"], scratch: scratch)
        defer { set.up.kill() }
        let file = try await set.waitForCamera("gone", "offline")
        #expect(file["detail"].text?.contains("/nowhere/film.mkv") == true, "\(file)")
        let device = try await set.waitForCamera("device", "offline")
        #expect(device["detail"].text?.contains("/dev/video-none: no such device") == true, "\(device)")
        let seen = try await set.view(["live", "demo", "--headless", "--frames", "3"])
        #expect(seen.status == 0, "\(seen.errors)")
        let snapshot = try await set.view(["snapshot", "gone", "-o", "-", "--timeout", "2"])
        #expect(snapshot.status == 69)
        #expect(snapshot.errors.contains("offline"))
        let table = try await set.secam(["status"])
        #expect(table.output.contains("/nowhere/film.mkv"))
    }

    @Test func `a file that is not a video is offline with its reason, until it is one`() async throws {
        try scratch.write("this is no video", to: "film.mkv")
        let set = try await RunningSet(["film=file:\(scratch.file("film.mkv"))"], scratch: scratch)
        defer { set.up.kill() }
        let camera = try await set.waitForCamera("film", "offline")
        #expect(camera["detail"].text?.contains("film.mkv") == true, "\(camera)")
        try await Programs.tool(
            [
                "ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", "testsrc2=size=64x48:rate=10", "-frames:v", "10",
                "-c:v", "mjpeg", scratch.file("film.mkv"),
            ], in: scratch)
        let seen = try await set.view(["live", "film", "--headless", "--frames", "3"])
        #expect(seen.status == 0, "\(seen.errors)")
    }
}
