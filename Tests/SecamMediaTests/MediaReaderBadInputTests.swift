import Foundation
import SecamMedia
import Testing

@Suite struct MediaReaderBadInputTests {
    let footage: Footage

    init() throws {
        footage = try Footage()
    }

    @Test func `a file that does not exist is reported by name`() {
        let path = footage.path("none.mp4")
        #expect(failure(path) == .noSuchFile(source: path))
        #expect(failure("file://" + path) == .noSuchFile(source: path))
        #expect(failure("") == .noSuchFile(source: ""))
    }

    @Test func `a text file is not a video, whatever its name`() throws {
        for name in ["notes.txt", "notes.mp4", "notes", "notes.nfo", "notes.mjpeg"] {
            let path = try footage.write(name, Data(String(repeating: "a line of text\n", count: 500).utf8))
            #expect(failure(path) == .notVideo(source: path, found: "text"), "\(name)")
        }
    }

    @Test func `an empty file, a folder and a device are rejected`() throws {
        let path = try footage.write("empty.mp4", Data())
        #expect(failure(path) == .notVideo(source: path, found: "an empty file"))
        for other in [footage.folder.path, "/dev/zero", "/dev/null"] {
            guard case .unsupportedSource(other, _) = failure(other) else {
                Issue.record("\(other) was not rejected")
                continue
            }
        }
    }

    @Test func `noise is not a video, and its first bytes are reported`() throws {
        var generator = SystemRandomNumberGenerator()
        let noise = Data([0, 1, 2, 3] + (0..<5000).map { _ in UInt8.random(in: 0...255, using: &generator) })
        let path = try footage.write("noise.mp4", noise)
        let error = try #require(failure(path))
        #expect(error.description.contains(path))
    }

    @Test func `a file with only sound is reported to have no video`() throws {
        try footage.ffmpeg(["-f", "lavfi", "-i", "sine=duration=0.2", "-c:a", "aac", "tone.m4a"])
        let path = footage.path("tone.m4a")
        #expect(failure(path) == .noVideoStream(source: path, found: "aac audio"))
    }

    @Test func `a file without read permission is reported`() throws {
        let path = try footage.make("in.mkv", "-c:v", "mjpeg")
        try FileManager.default.setAttributes([.posixPermissions: 0], ofItemAtPath: path)
        // The superuser can read every file.
        let expected: MediaError? = geteuid() == 0 ? nil : .permissionDenied(source: path)
        #expect(failure(path) == expected)
    }

    @Test(arguments: ["mkv", "avi", "mjpeg"])
    func `a truncated file yields its whole frames`(ending: String) throws {
        let whole = try footage.make("in.\(ending)", "-c:v", "mjpeg", "-q:v", "2")
        let data = try footage.data("in.\(ending)")
        let all = try MediaReader(url: whole).frames().map(\.bytes)
        for part in [0.4, 0.6, 0.8] {
            let path = try footage.write("cut.\(ending)", data.prefix(Int(Double(data.count) * part)))
            let frames = try MediaReader(url: path).frames().map(\.bytes)
            #expect(frames.count > 1 && frames.count < all.count)
            #expect(frames == Array(all.prefix(frames.count)))
        }
    }

    @Test func `a truncated H.264 file ends without an error`() throws {
        _ = try footage.make("in.mkv", "-c:v", "libx264", "-g", "1")
        let data = try footage.data("in.mkv")
        let path = try footage.write("cut.mkv", data.prefix(data.count * 6 / 10))
        let count = try MediaReader(url: path).frames().count
        #expect(count > 1 && count < Footage.frames)
    }

    @Test func `an MP4 without its index is rejected by name`() throws {
        _ = try footage.make("in.mp4", "-c:v", "libx264")
        let path = try footage.write("cut.mp4", (try footage.data("in.mp4")).prefix(1000))
        guard case .notVideo(path, _) = failure(path) else {
            Issue.record("the file was not rejected")
            return
        }
    }

    @Test func `a damaged JPEG in the middle is skipped and counted`() throws {
        let path = try footage.make("in.mkv", "-c:v", "mjpeg", "-q:v", "3")
        let all = try MediaReader(url: path).frames().map(\.bytes)
        var data = try footage.data("in.mkv")
        let third = try #require(data.range(of: all[3]))
        data.replaceSubrange(third.lowerBound..<third.lowerBound + 2, with: [0, 0])
        let reader = try MediaReader(url: try footage.write("damaged.mkv", data))
        #expect(try reader.frames().map(\.bytes) == Array(all[..<3] + all[4...]))
        #expect(reader.damagedCount == 1)
    }

    @Test func `a file of damaged packets ends with an error`() throws {
        let jpeg = Data([0xff, 0xd8, 0xff, 0xe0, 0x00, 0x04, 0, 0])
        _ = try footage.make("in.mkv", "-c:v", "mjpeg")
        let writer = try MatroskaWriter(path: footage.path("bad.mkv"), width: 64, height: 48, startMicroseconds: 0)
        for index in 0..<Int64(MediaReader.damagedPacketLimit + 10) {
            try unsafe writer.write(jpeg: Array(jpeg).span.bytes, timestampMicroseconds: index * 40_000)
        }
        try writer.finish()
        let reader = try MediaReader(url: footage.path("bad.mkv"))
        #expect(throws: MediaError.self) { _ = try reader.next() }
        #expect(reader.damagedCount == MediaReader.damagedPacketLimit)
    }

    @Test func `noise inside an H.264 file neither stops nor crashes the reader`() throws {
        _ = try footage.make("in.mkv", "-c:v", "libx264", "-g", "1", "-qp", "10")
        var data = try footage.data("in.mkv")
        for index in stride(from: 1500, to: data.count - 500, by: 97) { data[index] ^= 0x55 }
        let reader = try MediaReader(url: try footage.write("noisy.mkv", data))
        #expect(try reader.frames().count <= Footage.frames)
    }

    @Test func `a picture beyond the largest size is rejected`() throws {
        try footage.ffmpeg([
            "-f", "lavfi", "-i", "color=black:size=16400x16:rate=1", "-frames:v", "1", "-c:v", "ffv1", "wide.mkv",
        ])
        let path = footage.path("wide.mkv")
        #expect(failure(path) == .pictureTooLarge(source: path, width: 16_400, height: 16))
    }

    @Test(arguments: ["ftp://host/a.mp4", "concat://a|b", "data://x", "gopher://x/y"])
    func `an address with another scheme is rejected`(url: String) {
        guard case .unsupportedSource = failure(url) else {
            Issue.record("\(url) was not rejected")
            return
        }
    }

    @Test func `a path that looks like a libav protocol is a path`() {
        #expect(failure("concat:a.mp4|b.mp4") == .noSuchFile(source: "concat:a.mp4|b.mp4"))
        #expect(failure("pipe:0") == .noSuchFile(source: "pipe:0"))
    }

    @Test func `a file cannot make the reader open other files`() throws {
        _ = try footage.make("in.mkv", "-c:v", "mjpeg")
        let list = "ffconcat version 1.0\nfile '\(footage.path("in.mkv"))'\n"
        let path = try footage.write("list.ffconcat", Data(list.utf8))
        #expect(failure(path) != nil)
    }

    @Test func `an address that is too long or contains a zero byte is rejected`() {
        guard case .unsupportedSource = failure(String(repeating: "x", count: 5000)),
            case .unsupportedSource = failure("/etc/passwd\0.mp4")
        else {
            Issue.record("the file was not rejected")
            return
        }
    }
}
