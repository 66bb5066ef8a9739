import Glibc
import SecamPicture
import SecamWire
import Testing

@Suite
struct TestPictureTests {
    static let sizes = [(64, 64), (65, 67), (160, 120), (255, 200), (320, 240), (640, 480), (1280, 720)]

    private func render(_ picture: TestPicture, frame: UInt64, utc: Int64 = 0) throws -> [UInt8] {
        let result = try written(picture.layout.byteCount) { room in
            try picture.render(frame: frame, utcMicroseconds: utc, into: &room)
        }
        #expect(result.kept)
        return result.bytes
    }

    @Test(arguments: sizes)
    func `the frame number can be read back`(width: Int, height: Int) throws {
        let picture = try TestPicture(width: width, height: height, framesPerSecond: 30)
        for frame: UInt64 in [0, 1, 0xaaaa_aaaa, 0x5555_5555, 0xffff_ffff, 0x1_0000_0007] {
            let bytes = try render(picture, frame: frame)
            let read = TestPicture.frameNumber(inLuma: bytes.span, layout: picture.layout)
            #expect(read == UInt32(truncatingIfNeeded: frame))
        }
    }

    @Test(arguments: [2, 4, 8])
    func `the frame number can be read from averaged maps`(factor: Int) throws {
        for (width, height) in Self.sizes where width % 8 == 0 {
            let picture = try TestPicture(width: width, height: height, framesPerSecond: 30)
            let bytes = try render(picture, frame: 0x1234_5678)
            let size = LumaMap.size(width: width, height: height, factor: factor)
            let map = try written(size.width * size.height) { room in
                try LumaMap.average(bytes.span, layout: picture.layout, factor: factor, into: &room)
            }
            let layout = try PictureLayout(format: .gray8, width: size.width, height: size.height)
            let read = TestPicture.frameNumber(inLuma: map.bytes.span, layout: layout, scaledDown: factor)
            #expect(read == 0x1234_5678, "\(width)x\(height)")
        }
    }

    @Test
    func `pictures without cells, truncated pictures and odd scales have no number`() throws {
        let layout = try PictureLayout(format: .gray8, width: 320, height: 240)
        let gray = [UInt8](repeating: 128, count: layout.byteCount)
        #expect(TestPicture.frameNumber(inLuma: gray.span, layout: layout) == nil)
        let black = [UInt8](repeating: 0, count: layout.byteCount)
        #expect(TestPicture.frameNumber(inLuma: black.span, layout: layout) == 0)
        for scale in [-1, 0, 3, 16, Int.max] {
            #expect(TestPicture.frameNumber(inLuma: black.span, layout: layout, scaledDown: scale) == nil)
        }
        let short = black.span.extracting(first: layout.byteCount - 1)
        #expect(TestPicture.frameNumber(inLuma: short, layout: layout) == nil)
        let tiny = try PictureLayout(format: .gray8, width: 63, height: 63)
        #expect(TestPicture.frameNumber(inLuma: black.span, layout: tiny) == nil)
        let packed = try PictureLayout(format: .rgb24, width: 64, height: 64)
        #expect(TestPicture.frameNumber(inLuma: black.span, layout: packed) == nil)
    }

    @Test(arguments: sizes)
    func `the square is at its position, within the picture, in every frame`(width: Int, height: Int) throws {
        let picture = try TestPicture(width: width, height: height, framesPerSecond: 30)
        var places: Set<[Int]> = []
        for frame: UInt64 in [0, 1, 2, 50, 100, 101, 119, 120, 121, 1_000_003, .max] {
            let position = picture.objectPosition(frame: frame)
            places.insert([position.x, position.y])
            #expect(position.x >= 0 && position.x + picture.objectSide <= width)
            #expect(position.y >= 0 && position.y + picture.objectSide <= height)
            #expect(position.x % 2 == 0 && position.y % 2 == 0)
            let bytes = try render(picture, frame: frame)
            let (x, y) = (position.x + picture.objectSide / 2, position.y + picture.objectSide - picture.objectSide / 4)
            let chroma = y / 2 * picture.layout.chromaWidth + x / 2
            #expect(bytes[picture.layout.chromaOffset + chroma] == 90)
            #expect(bytes[picture.layout.secondChromaOffset + chroma] == 190)
            if width >= 160 { #expect(bytes[y * width + x] == 220) }
        }
        #expect(places.count > 5)
    }

    @Test
    func `the square crosses in four seconds and returns`() throws {
        let picture = try TestPicture(width: 1280, height: 720, framesPerSecond: 30)
        let positions = (0..<300).map { picture.objectPosition(frame: UInt64($0)).x }
        #expect(positions[0] == 0)
        #expect(positions.max() == 1280 - picture.objectSide)
        let turn = try #require(positions.firstIndex(of: 1280 - picture.objectSide))
        #expect((120...150).contains(turn))
        #expect(zip(positions, positions.dropFirst()).allSatisfy { abs($0 - $1) <= 10 })
    }

    @Test
    func `a frame depends only on its number and time`() throws {
        let picture = try TestPicture(width: 320, height: 240, framesPerSecond: 25)
        let first = try render(picture, frame: 7, utc: 1)
        var memory = try render(picture, frame: 8, utc: 2_000_000)
        #expect(memory != first)
        do {
            var room = memory.mutableSpan
            try picture.render(frame: 7, utcMicroseconds: 1, into: &room)
        }
        #expect(memory == first)
    }

    @Test
    func `the clock is drawn`() throws {
        let picture = try TestPicture(width: 640, height: 480, framesPerSecond: 25)
        let one = try render(picture, frame: 7, utc: 1_000)
        let two = try render(picture, frame: 7, utc: 2_000)
        let changed = one.indices.filter { one[$0] != two[$0] }
        #expect(!changed.isEmpty)
        #expect(changed.allSatisfy { (8..<40).contains($0 / 640) && $0 % 640 < 400 })
    }

    @Test
    func `pictures too small for the cells and small buffers are rejected`() throws {
        #expect(throws: PictureError.badSize(width: 63, height: 64)) {
            try TestPicture(width: 63, height: 64, framesPerSecond: 1)
        }
        #expect(throws: PictureError.badSize(width: 1_000_000, height: 64)) {
            try TestPicture(width: 1_000_000, height: 64, framesPerSecond: 1)
        }
        let picture = try TestPicture(width: 64, height: 64, framesPerSecond: 1)
        _ = written(6143) { room in
            #expect(throws: PictureError.destinationTooSmall(bytes: 6143, needed: 6144)) {
                try picture.render(frame: 0, utcMicroseconds: 0, into: &room)
            }
        }
    }

    @Test
    func `the clock's text agrees with the C library's calendar`() {
        #expect(UTCText.text(microseconds: 0) == "1970-01-01 00:00:00.000 UTC")
        #expect(UTCText.text(microseconds: 951_827_696_789_999) == "2000-02-29 12:34:56.789 UTC")
        #expect(UTCText.text(microseconds: -1) == "1969-12-31 23:59:59.999 UTC")
        #expect(UTCText.text(microseconds: .max).hasSuffix("UTC"))
        #expect(UTCText.text(microseconds: .min).hasSuffix("UTC"))
        for day in stride(from: -50_000, through: 80_000, by: 37) {
            var seconds = time_t(day * 86_400 + 3_661)
            var fields = unsafe tm()
            unsafe gmtime_r(&seconds, &fields)
            let expected = unsafe [Int(fields.tm_year) + 1900, Int(fields.tm_mon) + 1, Int(fields.tm_mday)]
            let text = UTCText.text(microseconds: Int64(seconds) * 1_000_000)
            #expect(text.split(separator: " ")[0].split(separator: "-").compactMap { Int($0) } == expected)
            #expect(text.hasSuffix("01:01:01.000 UTC"))
        }
    }
}
