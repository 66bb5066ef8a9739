import Foundation
import Glibc
import SecamTestSupport
import Testing

@Suite(.serialized) struct FileSourceTests {
    private let scratch = try! ScratchFolder()
    private static let frames = 8

    /// A short video of a moving pattern.
    private func film(_ name: String, _ arguments: String...) async throws -> String {
        try await Programs.tool(
            [
                "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=160x120:rate=10", "-frames:v",
                "\(Self.frames)",
            ]
                + arguments + [name], in: scratch)
        return "file:" + scratch.file(name)
    }

    @Test func `JPEGs of a file reach the viewer byte for byte, in a loop`() async throws {
        let source = try await film("film.mkv", "-c:v", "mjpeg")
        try await Programs.tool(
            ["ffmpeg", "-v", "error", "-i", "film.mkv", "-c", "copy", "-f", "mjpeg", "film.mjpeg"], in: scratch)
        let pictures = split(jpegs: try scratch.data("film.mjpeg"))
        try #require(pictures.count == Self.frames)
        let set = try await RunningSet(["film=\(source)"], scratch: scratch)
        defer { set.up.kill() }
        for _ in 0..<3 {
            let seen = try await set.snapshot("film")
            #expect(pictures.contains(seen))
        }
        // Longer than the video; every frame is one of the file's.
        let path = scratch.file("seen.mkv")
        let live = try await set.view(
            ["live", "film", "--headless", "--frames", "20", "--stats", "--record", path])
        #expect(live.status == 0, "\(live.errors)")
        #expect(try live.json()["cameras"]["film"]["frames"].integer == 20)
        try await Programs.tool(
            ["ffmpeg", "-v", "error", "-i", "seen.mkv", "-c", "copy", "-f", "mjpeg", "seen.mjpeg"], in: scratch)
        let seen = split(jpegs: try scratch.data("seen.mjpeg"))
        #expect(seen.count == 20)
        #expect(seen.allSatisfy { pictures.contains($0) })
        #expect(Set(seen).count == Self.frames, "the whole video was shown")
        #expect(try await set.status("encode")["jobs_done"].integer == 0, "nothing was encoded")
    }

    @Test func `a video file with another codec is encoded`() async throws {
        let source = try await film("film.mp4", "-c:v", "libx264", "-pix_fmt", "yuv420p")
        let set = try await RunningSet(["film=\(source)"], scratch: scratch)
        defer { set.up.kill() }
        let seen = try SeenPicture(try await set.snapshot("film"))
        #expect((seen.width, seen.height) == (160, 120))
        let live = try await set.view(["live", "film", "--headless", "--frames", "20"])
        #expect(live.status == 0, "\(live.errors)")
    }

    @Test func `a frame rate can be set for a file`() async throws {
        let source = try await film("film.mkv", "-c:v", "mjpeg")
        let set = try await RunningSet(["slow=\(source)?fps=2", "own=\(source)"], scratch: scratch)
        defer { set.up.kill() }
        let cameras = try await set.cameras()
        #expect(cameras["slow"]?["fps"].number == 2)
        #expect(cameras["own"]?["fps"].number == 10)
        let live = try await set.view(["live", "slow", "--headless", "--frames", "6", "--stats"])
        #expect(try #require(try live.json()["cameras"]["slow"]["fps"].number) < 4)
        let bad = try ScratchFolder()
        let refused = try await RunningSet.start(["x=\(source)?fps=zero"], scratch: bad).finish()
        #expect(refused.status == 64)
        #expect(refused.errors.contains("no usable frame rate"))
    }
}
