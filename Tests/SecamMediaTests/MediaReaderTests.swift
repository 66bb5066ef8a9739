import Foundation
import SecamMedia
import SecamWire
import Testing

@Suite struct MediaReaderTests {
    let footage: Footage

    init() throws {
        footage = try Footage()
    }

    @Test(arguments: ["in.mkv", "in.avi", "in.mov", "in.mjpeg"])
    func `Motion JPEG is passed through byte for byte`(name: String) throws {
        let reader = try MediaReader(url: try footage.make(name, "-c:v", "mjpeg", "-q:v", "3"))
        try footage.ffmpeg(["-i", name, "-c", "copy", "-f", "image2", "copy%d.jpg"])
        #expect(reader.format.isMotionJPEG)
        #expect(reader.format.framesPerSecond == 25)
        let frames = try reader.frames()
        #expect(frames.count == Footage.frames)
        for (index, (frame, bytes)) in frames.enumerated() {
            #expect(bytes == (try footage.data("copy\(index + 1).jpg")))
            #expect(frame.pixelFormat == .jpeg)
            #expect(frame.width == Footage.width && frame.height == Footage.height)
            #expect(abs(frame.timestampMicroseconds - Int64(index) * 40_000) < 1000)
        }
        #expect(reader.damagedCount == 0)
        #expect(try reader.next() == nil)
    }

    @Test func `only a JPEG is available without a copy`() throws {
        let jpeg = try MediaReader(url: try footage.make("in.mkv", "-c:v", "mjpeg"))
        let frame = try #require(try jpeg.next())
        #expect(jpeg.withJPEG { $0.byteCount } == frame.byteCount)
        let h264 = try MediaReader(url: try footage.make("in.mp4", "-c:v", "libx264", "-pix_fmt", "yuv420p"))
        _ = try #require(try h264.next())
        #expect(h264.withJPEG { $0.byteCount } == nil)
    }

    @Test func `JPEGs without Huffman tables get the standard ones`() throws {
        _ = try footage.make("with.mjpeg", "-c:v", "mjpeg", "-huffman", "default", "-q:v", "3")
        let stripped = withoutHuffmanTables(try footage.data("with.mjpeg"))
        #expect(stripped.count < (try footage.data("with.mjpeg")).count)
        _ = try footage.write("without.mjpeg", stripped)
        try footage.ffmpeg(["-f", "mjpeg", "-framerate", "25", "-i", "without.mjpeg", "-c", "copy", "without.avi"])

        let reader = try MediaReader(url: footage.path("without.avi"))
        let frames = try reader.frames()
        #expect(frames.count == Footage.frames)
        #expect(reader.damagedCount == 0)
        for (frame, bytes) in frames {
            #expect(bytes.count == frame.byteCount)
            #expect(bytes.range(of: Data([0xff, 0xc4])) != nil)
        }
        _ = try footage.write("again.mjpeg", frames.reduce(into: Data()) { $0 += $1.bytes })
        #expect(try decodedPictures("again.mjpeg") == (try decodedPictures("with.mjpeg")))
    }

    @Test func `H.264 is decoded to the pictures that ffmpeg decodes`() throws {
        let path = try footage.make("in.mp4", "-c:v", "libx264", "-pix_fmt", "yuv420p", "-bf", "2")
        var options = MediaReader.Options()
        options.fullRange = false
        let reader = try MediaReader(url: path, options: options)
        #expect(reader.format.codecName == "h264" && !reader.format.isMotionJPEG)
        let frames = try reader.frames()
        #expect(frames.map(\.frame.timestampMicroseconds) == (0..<10).map { $0 * 40_000 })
        #expect(frames.allSatisfy { $0.frame.pixelFormat == .i420 && $0.frame.byteCount == 64 * 48 * 3 / 2 })
        #expect(frames.reduce(into: Data()) { $0 += $1.bytes } == (try decodedPictures("in.mp4")))
    }

    @Test func `pictures with TV range are converted to full range`() throws {
        let black = "color=black:size=64x48:rate=25"
        for (name, colour, luma) in [("black.mp4", "black", UInt8(0)), ("white.mp4", "white", 255)] {
            try footage.ffmpeg([
                "-f", "lavfi", "-i", black.replacingOccurrences(of: "black", with: colour), "-frames:v", "2",
                "-c:v", "libx264", "-pix_fmt", "yuv420p", name,
            ])
            let reader = try MediaReader(url: footage.path(name))
            let frame = try #require(try reader.next())
            let bytes = reader.bytes(of: frame)
            #expect(bytes.prefix(64 * 48).allSatisfy { abs(Int($0) - Int(luma)) <= 1 })
            #expect(bytes.suffix(64 * 48 / 2).allSatisfy { abs(Int($0) - 128) <= 1 })
        }
    }

    @Test(arguments: ["yuv444p", "yuv422p", "gray", "yuv420p10le"])
    func `other pixel formats become planar 4 2 0`(format: String) throws {
        let reader = try MediaReader(url: try footage.make("in.mkv", "-c:v", "ffv1", "-pix_fmt", format))
        let frames = try reader.frames()
        #expect(frames.count == Footage.frames)
        #expect(frames.allSatisfy { $0.frame.pixelFormat == .i420 && $0.bytes.count == 64 * 48 * 3 / 2 })
        #expect(Set(frames[0].bytes).count > 10, "the picture is flat")
    }

    @Test(arguments: ["rgb24", "bgr24", "bgra"])
    func `RGB is converted at full range, also in odd sizes`(format: String) throws {
        try footage.ffmpeg([
            "-f", "lavfi", "-i", "color=white:size=64x48:rate=25,format=\(format),crop=63:47:0:0:1", "-frames:v", "1",
            "-c:v",
            "rawvideo", "white.nut",
        ])
        let reader = try MediaReader(url: footage.path("white.nut"))
        let frame = try #require(try reader.next())
        #expect(frame.byteCount == 63 * 47 + 2 * 32 * 24)
        #expect(reader.bytes(of: frame).prefix(63 * 47).allSatisfy { $0 >= 254 })
    }

    @Test(arguments: ["in.mkv", "in.avi", "in.mjpeg", "one.jpg", "h264.mp4", "h264.ts"])
    func `rewinding repeats the same frames and times`(name: String) throws {
        let isH264 = name.hasPrefix("h264")
        let codec = isH264 ? ["-c:v", "libx264", "-pix_fmt", "yuv420p"] : ["-c:v", "mjpeg"]
        let count = name == "one.jpg" ? 1 : Footage.frames
        try footage.ffmpeg(
            ["-f", "lavfi", "-i", "testsrc2=size=64x48:rate=25", "-frames:v", "\(count)"] + codec + [name])
        let reader = try MediaReader(url: footage.path(name))
        let first = try reader.frames()
        #expect(first.count == count)
        for _ in 0..<3 {
            try reader.rewind()
            let again = try reader.frames()
            #expect(again.map(\.frame) == first.map(\.frame))
            #expect(again.map(\.bytes) == first.map(\.bytes))
        }
        try reader.rewind()
        _ = try reader.next()
        try reader.rewind()
        #expect(try reader.next() == first[0].frame)
    }

    @Test func `frames keep their uneven times`() throws {
        try footage.ffmpeg([
            "-f", "lavfi", "-i", "testsrc2=size=64x48:rate=25", "-frames:v", "10", "-vf", "settb=1/1000,setpts=N*N*10",
            "-fps_mode", "passthrough", "-c:v", "mjpeg", "-enc_time_base", "1:1000", "uneven.mkv",
        ])
        let times = try MediaReader(url: footage.path("uneven.mkv")).frames().map(\.frame.timestampMicroseconds)
        #expect(times == (0..<10).map { $0 * $0 * 10_000 })
    }

    // MARK: Helpers

    /// Returns all pictures of a file as ffmpeg decodes them.
    func decodedPictures(_ name: String) throws -> Data {
        try footage.ffmpeg(["-i", name, "-f", "rawvideo", "-fps_mode", "passthrough", "\(name).raw"])
        return try footage.data("\(name).raw")
    }

    /// Returns the JPEGs without their DHT segments (FF C4, length, …).
    func withoutHuffmanTables(_ jpegs: Data) -> Data {
        var rest = Array(jpegs)
        while let start = rest.indices.dropLast().first(where: { rest[$0] == 0xff && rest[$0 + 1] == 0xc4 }) {
            rest.removeSubrange(start..<start + 2 + Int(rest[start + 2]) * 256 + Int(rest[start + 3]))
        }
        return Data(rest)
    }
}
