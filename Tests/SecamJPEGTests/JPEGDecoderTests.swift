import SecamJPEG
import SecamPicture
import SecamWire
import Testing

@Suite
struct JPEGDecoderTests {
    @Test
    func `the header has size and subsampling`() throws {
        var decoder = try JPEGDecoder()
        for (chroma, jpeg) in Images.bySubsampling {
            let expected = JPEGHeader(width: Images.width, height: Images.height, chroma: chroma)
            #expect(try decoder.header(of: jpeg.span) == expected)
        }
    }

    @Test
    func `colours are decoded in the requested order, with full opacity`() throws {
        var decoder = try JPEGDecoder()
        for jpeg in [Images.yuv444, Images.yuv422, Images.yuv420, Images.progressive, Images.rgb] {
            let rgb = try decoder.pixels(jpeg, .rgb)
            #expect(rgb.kept && !rgb.picture.isDamaged)
            for (x, y) in [(0, 0), (36, 0), (0, 20), (36, 20), (18, 10)] {
                let pixel = rgb.bytes[(3 * (y * Images.width + x))...].prefix(3).map { Int($0) }
                #expect(abs(pixel[0] - x * 255 / 36) < 40 && abs(pixel[1] - y * 255 / 20) < 40)
                #expect(abs(pixel[2] - 128) < 40)
            }
            let rgba = try decoder.pixels(jpeg, .rgba)
            let bgra = try decoder.pixels(jpeg, .bgra)
            #expect(rgba.kept && bgra.kept)
            for pixel in 0..<Images.width * Images.height {
                let color = Array(rgb.bytes[(3 * pixel)..<(3 * pixel + 3)])
                #expect(Array(rgba.bytes[(4 * pixel)..<(4 * pixel + 4)]) == color + [255])
                #expect(Array(bgra.bytes[(4 * pixel)..<(4 * pixel + 4)]) == color.reversed() + [255])
            }
        }
    }

    @Test(arguments: JPEGScale.allCases)
    func `every subsampling becomes I420 with the same colours, at every scale`(scale: JPEGScale) throws {
        var decoder = try JPEGDecoder()
        let reference = try decoder.i420(Images.yuv420, scale)
        let luma = reference.picture.width * reference.picture.height
        for (chroma, jpeg) in Images.bySubsampling {
            let result = try decoder.i420(jpeg, scale)
            #expect(result.kept && !result.picture.isDamaged)
            #expect(result.picture.width == (Images.width + scale.rawValue - 1) / scale.rawValue)
            #expect(result.picture.height == (Images.height + scale.rawValue - 1) / scale.rawValue)
            #expect(difference(result.bytes[..<luma], reference.bytes[..<luma]) < 4, "\(chroma)")
            if chroma == .gray {
                #expect(result.bytes[luma...].allSatisfy { $0 == 128 })
            } else {
                // A quarter of five columns has a low chroma resolution.
                let bound: Double = chroma == .yuv411 ? 16 : 8
                #expect(difference(result.bytes[luma...], reference.bytes[luma...]) < bound, "\(chroma)")
            }
        }
    }

    @Test(arguments: JPEGScale.allCases)
    func `scaled luma is close to the mean of its pixels`(scale: JPEGScale) throws {
        var encoder = try JPEGEncoder()
        var decoder = try JPEGDecoder()
        let picture = try testFrame(320, 240)
        let jpeg = try encoder.image(picture, .i420, 320, 240, quality: 95)
        let layout = try PictureLayout(format: .i420, width: 320, height: 240)
        let size = LumaMap.size(width: 320, height: 240, factor: scale.rawValue)
        var map = [UInt8](repeating: 0, count: size.width * size.height)
        var room = map.mutableSpan
        try LumaMap.average(picture.span, layout: layout, factor: scale.rawValue, into: &room)
        let decoded = try decoder.pixels(jpeg, .gray, scale)
        #expect(decoded.bytes.count == map.count)
        #expect(difference(decoded.bytes, map) < 3)
        let short = try decoder.header(of: jpeg.span).size(at: scale)
        #expect(short == size)
    }

    @Test
    func `arithmetic coding is decoded or rejected with the library's message`() throws {
        var decoder = try JPEGDecoder()
        do throws(JPEGError) {
            let reference = try decoder.pixels(Images.yuv420, .gray)
            #expect(try difference(decoder.pixels(Images.arithmetic, .gray).bytes, reference.bytes) < 2)
        } catch {
            guard case .invalid = error else { throw error }
        }
    }

    @Test
    func `a destination that is one byte too small is rejected`() throws {
        var decoder = try JPEGDecoder()
        let needed = Images.width * Images.height
        let (image, webcam) = (Images.yuv420, Images.yuv422)
        #expect(throws: JPEGError.picture(.destinationTooSmall(bytes: needed - 1, needed: needed))) {
            try decoded(needed - 1) { room throws(JPEGError) in
                try decoder.decodeLuma(image.span, scale: .full, into: &room)
            }
        }
        let planes = needed + 2 * 19 * 11
        #expect(throws: JPEGError.picture(.destinationTooSmall(bytes: planes - 1, needed: planes))) {
            try decoded(planes - 1) { room throws(JPEGError) in
                try decoder.decodeI420(webcam.span, into: &room)
            }
        }
    }
}
