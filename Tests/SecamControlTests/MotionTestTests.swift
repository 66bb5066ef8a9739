import SecamControl
import SecamJPEG
import SecamMedia
import SecamMotionDetector
import SecamTestSupport
import SecamWire
import Testing

extension ScratchFolder {
    private func wall() -> [UInt8] {
        (0..<640 * 360).map { (index: Int) -> UInt8 in
            let brick: Int = (index % 640) / 40 * 7 + (index / 640) / 30 * 13
            return UInt8(90 + brick % 5 * 10)
        }
    }

    /// Fifteen seconds of 640 × 360 at ten a second, in which a dark figure walks through from second 5 to 10.
    func writeWalk() throws -> String {
        let file = "\(path)/walk.mkv"
        let writer = try MatroskaWriter(path: file, width: 640, height: 360, startMicroseconds: 0)
        var encoder = try JPEGEncoder()
        for number in 0..<150 {
            var picture = wall()
            if (50..<100).contains(number) {
                let left = (number - 50) * 12
                for y in 150..<240 { for x in left..<left + 32 { picture[y * 640 + x] = 30 } }
            }
            try encoder.encode(picture.span, format: .gray8, width: 640, height: 360, quality: 85) { jpeg in
                let bytes = unsafe jpeg.bytes
                return Result { () throws(MediaError) in
                    try writer.write(jpeg: bytes, timestampMicroseconds: Int64(number) * 100_000)
                }
            }.get()
        }
        try writer.finish()
        return file
    }
}

@Suite struct MotionTestTests {
    @Test func `a walk in a file is an event and is visible in the video`() throws {
        let scratch = try ScratchFolder()
        let file = try scratch.writeWalk()
        let video = try MotionPicture(path: "\(scratch.path)/seen.mkv")
        var moving: [Int] = []
        var events: [MotionEvent] = []
        var frames = 0
        let rest = try MotionTest.run(LumaFootage(path: file), picture: video) { result in
            #expect(result.frame.number == frames)
            #expect(result.frame.frameWidth == 640 && result.frame.frameHeight == 360)
            frames += 1
            if result.isMoving { moving.append(result.frame.number) }
            if case .end(let event) = result.transition { events.append(event) }
        }
        try video.finish()
        #expect(rest == nil)
        #expect(frames == 150)
        #expect(events.count == 1)
        #expect((50...58).contains(try #require(moving.first)))
        let reader = try MediaReader(url: "\(scratch.path)/seen.mkv")
        var shown = 0
        while let frame = try reader.next() {
            #expect(frame.width == 1280 && frame.height == 360)
            shown += 1
        }
        #expect(shown == 150)
    }

    @Test func `frames above the maximum rate keep the previous result`() throws {
        let scratch = try ScratchFolder()
        let file = try scratch.writeWalk()
        var maps = 0
        var frames = 0
        try MotionTest.run(LumaFootage(path: file), mapsPerSecond: 5) { result in
            frames += 1
            if result.frame.width > 0 { maps += 1 }
        }
        #expect(frames == 150)
        #expect(maps == 75)
    }

    @Test func `a missing file and a file that is not a video are errors`() throws {
        #expect(throws: (any Error).self) { try LumaFootage(path: "/nonexistent/file.mkv") }
        #expect(throws: (any Error).self) { try LumaFootage(path: "/etc/passwd") }
    }
}
