import Foundation
import SecamTestSupport
import Testing

/// The whole set on a kernel with webcams: vivid's raw formats, and MJPEG through the kernel's uvcvideo.
///
/// Build machines have no camera, so the tests boot such a kernel in a virtual machine. The program SECAM_V4L2_VM runs the
/// command after its options as root in the virtual machine, which shares the host's files and may write to the working
/// directory. The Python script SECAM_UVC_CAMERA emulates a UVC camera, which is plugged in while it runs. The machine is
/// emulated and needs all processors, so run these tests alone (`swift test --filter WebcamTests`).
@Suite(
    .serialized,
    .enabled(if: Machine.isThere, "SECAM_V4L2_VM and SECAM_UVC_CAMERA name no programs, so there is no webcam"))
struct WebcamTests {
    @Test func `a webcam with a raw format is found, encoded and shown`() async throws {
        let machine = try await Machine.results()
        let camera = try machine.camera("vivid-cameras.json", "video0")
        #expect(camera["detail"].text?.contains("YUYV") == true, "\(camera)")
        // The viewer has left by then, so the camera may have stopped.
        #expect(["online", "idle"].contains(camera["state"].text), "\(camera)")
        let figures = try machine.json("vivid.json")["cameras"]["video0"]
        #expect(figures["frames"].integer == 10)
    }

    @Test func `a device that another program uses is offline with its reason`() async throws {
        let camera = try await Machine.results().camera("busy.json", "other")
        #expect(camera["state"].text == "offline")
        #expect(
            camera["detail"].text?.contains("/dev/video0: busy: another program uses the camera") == true, "\(camera)")
    }

    @Test func `four webcams become four cameras at once`() async throws {
        let machine = try await Machine.results()
        #expect(try machine.json("four-cameras.json")["cameras"].values.count == 4, "metadata nodes are not cameras")
        let figures = try machine.json("four.json")["cameras"]
        #expect(figures.names == ["video0", "video1", "video3", "video5"])
        for name in figures.names { #expect(figures[name]["frames"].integer == 5) }
    }

    @Test func `a webcam's JPEGs reach the viewer byte for byte`() async throws {
        let machine = try await Machine.results()
        #expect(machine.pictures["a"]!.contains(try machine.data("snapshot.jpg")))
        let camera = try machine.camera("four-cameras.json", "video1")
        #expect(camera["width"].integer == 320 && camera["height"].integer == 240)
    }

    @Test func `a damaged frame is counted but not shown`() async throws {
        let machine = try await Machine.results()
        #expect(try #require(Int(machine.text("damaged"))) >= 1)
        #expect(machine.pictures["a"]!.contains(try machine.data("after-damage.jpg")))
        let shown = try machine.frames("after-damage.mkv")
        #expect(shown.count == 10)
        #expect(shown.allSatisfy { machine.pictures["a"]!.contains($0) })
    }

    @Test func `a webcam that hangs is offline until it continues`() async throws {
        let machine = try await Machine.results()
        let camera = try machine.camera("hung.json", "video1")
        #expect(camera["state"].text == "offline")
        #expect(camera["detail"].text?.contains("has sent nothing for") == true, "\(camera)")
        #expect(try machine.json("after-hang.json")["cameras"]["video1"]["frames"].integer == 5)
    }

    @Test func `an unplugged webcam is offline, and the others continue`() async throws {
        let machine = try await Machine.results()
        let camera = try machine.camera("unplugged.json", "video1")
        #expect(camera["state"].text == "offline")
        #expect(camera["detail"].text?.contains("/dev/video1") == true, "\(camera)")
        #expect(try machine.json("others.json")["cameras"]["video3"]["frames"].integer == 5)
    }

    @Test func `a webcam that returns with another picture size comes back by itself`() async throws {
        let machine = try await Machine.results()
        let camera = try machine.camera("plugged.json", "video1")
        #expect(camera["width"].integer == 176 && camera["height"].integer == 144, "\(camera)")
        #expect(machine.pictures["b"]!.contains(try machine.data("replugged.jpg")))
        #expect(try machine.json("after-plug.json")["cameras"]["video1"]["frames"].integer == 5)
        // One session lasted through the damage, the hang, the unplugging and the return.
        #expect(machine.text("watcher") == "0")
        let watched = try machine.json("watched.json")["cameras"]["video1"]
        #expect(try #require(watched["frames"].integer) >= 20)
        #expect(machine.text("down") == "0")
    }
}

/// One boot of a virtual machine with webcams, for all tests.
struct Machine: Sendable {
    /// The input file of each UVC camera, by name.
    let pictures: [String: [Data]]
    private let files: [String: Data]
    private let frames: [String: [Data]]

    private static func program(named variable: String) -> String? {
        ProcessInfo.processInfo.environment[variable]
            .flatMap { FileManager.default.isReadableFile(atPath: $0) ? $0 : nil }
    }

    private static let package = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    private static let program = program(named: "SECAM_V4L2_VM")
    private static let camera = program(named: "SECAM_UVC_CAMERA")
    static let isThere = program != nil && camera != nil

    /// The program's exit status when no virtual machine can run here.
    private static let cannotRun: Int32 = 125
    private static let boot = Task { try await run() }

    /// Returns the script's results. The test is cancelled where no virtual machine can run.
    static func results() async throws -> Machine {
        do {
            return try await boot.value
        } catch let error as NoMachine {
            try Test.cancel("\(error)")
        }
    }

    private struct NoMachine: Error, CustomStringConvertible {
        let description: String
    }

    private static func run() async throws -> Machine {
        guard let program, let camera else { throw NoMachine(description: "there is no program for it") }
        let scratch = try ScratchFolder()
        var pictures: [String: [Data]] = [:]
        for (name, size) in [("a", "320x240"), ("b", "176x144"), ("c", "160x120")] {
            try await Programs.tool(
                [
                    "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=\(size):rate=10", "-frames:v", "6",
                    "-f", "mjpeg", "\(name).mjpeg",
                ], in: scratch)
            pictures[name] = split(jpegs: try scratch.data("\(name).mjpeg"))
        }
        let environment = ProcessInfo.processInfo.environment.filter { ["HOME", "XDG_CACHE_HOME"].contains($0.key) }
        let script = package.appendingPathComponent("Tests/IntegrationTests/webcams.sh").path
        let finished = try await Programs.run(
            program,
            [
                "--devices", "1", "--mem", "2048", "--timeout", "1500", "--", "/bin/bash", script, Programs.folder,
                camera,
            ],
            in: scratch, environment: environment, seconds: 1800)
        guard finished.status != cannotRun else {
            throw NoMachine(description: "no machine with webcams can run here: \(finished.errors)")
        }
        var files: [String: Data] = [:]
        for name in try FileManager.default.contentsOfDirectory(atPath: scratch.path) {
            files[name] = try? scratch.data(name)
        }
        files["script.log"] = Data(finished.errors.utf8)
        var frames: [String: [Data]] = [:]
        for name in files.keys where name.hasSuffix(".mkv") {
            try await Programs.tool(
                ["ffmpeg", "-v", "error", "-i", name, "-c", "copy", "-f", "mjpeg", name + ".mjpeg"], in: scratch)
            frames[name] = split(jpegs: try scratch.data(name + ".mjpeg"))
        }
        return Machine(pictures: pictures, files: files, frames: frames)
    }

    private init(pictures: [String: [Data]], files: [String: Data], frames: [String: [Data]]) {
        self.pictures = pictures
        self.files = files
        self.frames = frames
    }

    func data(_ name: String) throws -> Data {
        guard let data = files[name], !data.isEmpty else {
            let logs = ["script.log", "view.log", "up.log", "uvc.log"].map { "\($0):\n\(text($0))" }
            throw TestFailure("the script did not get to write \(name)\n\(logs.joined(separator: "\n"))")
        }
        return data
    }

    func text(_ name: String) -> String {
        String(decoding: files[name] ?? Data(), as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    }

    func json(_ name: String) throws -> JSONValue { try JSONValue(try data(name)) }

    func camera(_ file: String, _ name: String) throws -> JSONValue {
        let found = try json(file)["cameras"].values.first { $0["name"].text == name }
        guard let found else { throw TestFailure("\(file) has no camera \(name): \(text(file))") }
        return found
    }

    /// Returns the number of frames of a recording.
    func frames(_ name: String) throws -> [Data] {
        guard let frames = frames[name] else { throw TestFailure("there is no recording \(name)") }
        return frames
    }
}
