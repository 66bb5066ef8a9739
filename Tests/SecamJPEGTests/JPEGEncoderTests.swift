import SecamJPEG
import SecamPicture
import SecamTestSupport
import SecamWire
import Testing

@Suite
struct JPEGEncoderTests {
    @Test(arguments: [(64, 64), (65, 67), (127, 65), (320, 240), (1280, 720)])
    func `an I420 picture is nearly preserved, even with odd sizes`(width: Int, height: Int) throws {
        let picture = try testFrame(width, height)
        var encoder = try JPEGEncoder()
        var decoder = try JPEGDecoder()
        let jpeg = try encoder.image(picture, .i420, width, height, quality: 90)
        let header = try decoder.header(of: jpeg.span)
        #expect(header == JPEGHeader(width: width, height: height, chroma: .yuv420))
        let back = try decoder.i420(jpeg)
        #expect(back.picture == JPEGPicture(width: width, height: height, isDamaged: false))
        #expect(back.kept)
        #expect(difference(back.bytes, picture) < 3)
        let right = (0..<height).map { $0 * width + width - 1 }
        #expect(difference(right.map { back.bytes[$0] }, right.map { picture[$0] }) < 8)
        let bottom = (height - 1) * width..<height * width
        #expect(difference(back.bytes[bottom], picture[bottom]) < 8)
    }

    @Test(arguments: JPEGScale.allCases)
    func `the frame number survives quality 50 and decoding at every scale`(scale: JPEGScale) throws {
        for (width, height) in [(64, 64), (320, 240), (1280, 720)] {
            var encoder = try JPEGEncoder()
            var decoder = try JPEGDecoder()
            let jpeg = try encoder.image(testFrame(width, height), .i420, width, height, quality: 50)
            let luma = try decoder.pixels(jpeg, .gray, scale)
            let read = try TestPicture.frameNumber(
                inLuma: luma.bytes.span, layout: luma.gray, scaledDown: scale.rawValue)
            #expect(read == 0x1234_5678)
        }
    }

    @Test
    func `YUYV and NV12 give the same image as I420`() throws {
        let (width, height, chromaWidth) = (65, 67, 33)
        let i420 = try testFrame(width, height)
        let luma = Array(i420[..<(width * height)])
        let u = Array(i420[(width * height)..<(width * height + chromaWidth * 34)])
        let v = Array(i420[(width * height + chromaWidth * 34)...])
        let nv12 = luma + zip(u, v).flatMap { [$0, $1] }
        var yuyv: [UInt8] = []
        for y in 0..<height {
            for x in 0..<chromaWidth {
                let (first, chroma) = (y * width + 2 * x, y / 2 * chromaWidth + x)
                yuyv += [luma[first], u[chroma], 2 * x + 1 < width ? luma[first + 1] : 0, v[chroma]]
            }
        }
        var encoder = try JPEGEncoder()
        let expected = try encoder.image(i420, .i420, width, height)
        #expect(try encoder.image(nv12, .nv12, width, height) == expected)
        #expect(try encoder.image(yuyv, .yuyv, width, height) == expected)
    }

    @Test
    func `RGB keeps its colours`() throws {
        let colors: [[UInt8]] = [[255, 0, 0], [0, 255, 0], [0, 0, 255], [200, 100, 50]]
        var encoder = try JPEGEncoder()
        var decoder = try JPEGDecoder()
        for color in colors {
            let picture = (0..<33 * 17).flatMap { _ in color }
            let jpeg = try encoder.image(picture, .rgb24, 33, 17, quality: 90)
            #expect(try decoder.header(of: jpeg.span).chroma == .yuv420)
            let back = try decoder.pixels(jpeg, .rgb)
            #expect(zip(back.bytes, picture).allSatisfy { abs(Int($0) - Int($1)) <= 4 })
        }
    }

    @Test
    func `grey pictures become grey images`() throws {
        let picture = try Array(testFrame(160, 120)[..<(160 * 120)])
        var encoder = try JPEGEncoder()
        var decoder = try JPEGDecoder()
        let jpeg = try encoder.image(picture, .gray8, 160, 120, quality: 90)
        #expect(try decoder.header(of: jpeg.span) == JPEGHeader(width: 160, height: 120, chroma: .gray))
        #expect(try difference(decoder.pixels(jpeg, .gray).bytes, picture) < 3)
    }

    @Test
    func `lower quality takes fewer bytes, and qualities out of range are clamped`() throws {
        let picture = try testFrame(320, 240)
        var encoder = try JPEGEncoder()
        let sizes = try [20, 50, 80, 95].map { try encoder.image(picture, .i420, 320, 240, quality: $0).count }
        #expect(sizes == sizes.sorted() && Set(sizes).count == 4)
        let least = try encoder.image(picture, .i420, 320, 240, quality: 1)
        let most = try encoder.image(picture, .i420, 320, 240, quality: 100)
        #expect(try encoder.image(picture, .i420, 320, 240, quality: -5) == least)
        #expect(try encoder.image(picture, .i420, 320, 240, quality: .max) == most)
    }

    @Test
    func `noise at the highest quality fits the buffer`() throws {
        var noise = SeededGenerator(seed: 3)
        var encoder = try JPEGEncoder()
        var decoder = try JPEGDecoder()
        for (width, height) in [(1, 1), (16, 16), (333, 111)] {
            let count = try #require(PixelFormat.i420.byteCount(width: width, height: height))
            let picture = (0..<count).map { _ in Bool.random(using: &noise) ? UInt8(255) : 0 }
            let jpeg = try encoder.image(picture, .i420, width, height, quality: 100)
            #expect(try difference(decoder.i420(jpeg).bytes, picture) < 8)
        }
    }

    @Test
    func `truncated, empty and JPEG pictures are rejected and the encoder remains usable`() throws {
        var encoder = try JPEGEncoder()
        let picture = try testFrame(64, 64)
        let expected = try encoder.image(picture, .i420, 64, 64)
        for format in PixelFormat.allCases where format != .jpeg {
            let needed = try #require(format.byteCount(width: 64, height: 64))
            let short = [UInt8](repeating: 1, count: needed - 1)
            #expect(throws: JPEGError.picture(.sourceTooSmall(bytes: needed - 1, needed: needed))) {
                try encoder.image(short, format, 64, 64)
            }
        }
        #expect(throws: JPEGError.picture(.badSize(width: 0, height: 64))) {
            try encoder.image([], .i420, 0, 64)
        }
        #expect(throws: JPEGError.picture(.badSize(width: .max, height: .max))) {
            try encoder.image(picture, .gray8, .max, .max)
        }
        #expect(throws: JPEGError.alreadyEncoded) { try encoder.image(expected, .jpeg, 64, 64) }
        #expect(try encoder.image(picture, .i420, 64, 64) == expected)
    }
}
