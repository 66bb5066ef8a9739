import SecamPicture
import SecamWire
import Testing

@Suite
struct LumaMapTests {
    @Test(arguments: [
        (160, 120, 1), (320, 240, 1), (321, 240, 2), (352, 288, 2), (640, 480, 2), (641, 480, 4), (800, 600, 4),
        (1280, 720, 4), (1920, 1080, 8), (1080, 1920, 8), (3840, 2160, 16), (7680, 4320, 32), (16_384, 100, 64),
    ])
    func `the factor reduces the longer side to 161 to 320`(width: Int, height: Int, factor: Int) {
        #expect(LumaMap.factor(width: width, height: height) == factor)
        let size = LumaMap.size(width: width, height: height, factor: factor)
        #expect(max(size.width, size.height) <= LumaMap.maximumSide)
    }

    @Test(arguments: [(1, 1), (8, 8), (37, 21), (100, 67)], [1, 2, 4, 8, 16, 32, 64])
    func `every value is the rounded mean of its box, even at the edges`(size: (Int, Int), factor: Int) throws {
        for format in [PixelFormat.gray8, .i420, .nv12, .yuyv, .rgb24] {
            let picture = try NoisePicture(format, size.0, size.1, padding: 5, seed: UInt64(factor))
            let map = LumaMap.size(width: size.0, height: size.1, factor: factor)
            let result = try written(map.width * map.height) { room in
                let size = try LumaMap.average(
                    picture.bytes.span, layout: picture.layout, factor: factor, into: &room)
                #expect(size == map)
            }
            #expect(result.bytes == Self.reference(picture, factor), "\(format) \(size) factor \(factor)")
            #expect(result.kept)
        }
    }

    @Test
    func `white stays white in the largest box of every format`() throws {
        for format in [PixelFormat.gray8, .i420, .nv12, .yuyv, .rgb24] {
            let layout = try PictureLayout(format: format, width: 130, height: 70)
            let bytes = [UInt8](repeating: 255, count: layout.byteCount)
            let result = try written(6) { room in
                try LumaMap.average(bytes.span, layout: layout, factor: 64, into: &room)
            }
            #expect(result.bytes == [UInt8](repeating: 255, count: 6), "\(format)")
        }
    }

    @Test
    func `the default factor is the picture's own`() throws {
        let picture = try NoisePicture(.yuyv, 642, 20, padding: 0)
        let result = try written(161 * 5) { room in
            let size = try LumaMap.average(picture.bytes.span, layout: picture.layout, into: &room)
            #expect(size == (161, 5))
        }
        #expect(result.bytes == Self.reference(picture, 4))
    }

    @Test
    func `a source or destination that is too small is rejected`() throws {
        let picture = try NoisePicture(.i420, 64, 64, padding: 0)
        let needed = picture.layout.byteCount
        _ = written(1023) { room in
            #expect(throws: PictureError.sourceTooSmall(bytes: needed - 1, needed: needed)) {
                try LumaMap.average(
                    picture.bytes.span.extracting(first: needed - 1), layout: picture.layout, factor: 2,
                    into: &room)
            }
            #expect(throws: PictureError.destinationTooSmall(bytes: 1023, needed: 1024)) {
                try LumaMap.average(picture.bytes.span, layout: picture.layout, factor: 2, into: &room)
            }
        }
    }

    private static func reference(_ picture: NoisePicture, _ factor: Int) -> [UInt8] {
        let layout = picture.layout
        var map: [UInt8] = []
        for top in stride(from: 0, to: layout.height, by: factor) {
            for left in stride(from: 0, to: layout.width, by: factor) {
                var (sum, count) = (0, 0)
                for y in top..<min(top + factor, layout.height) {
                    for x in left..<min(left + factor, layout.width) {
                        sum += weighted(picture, x, y)
                        count += 256
                    }
                }
                map.append(UInt8((sum + count / 2) / count))
            }
        }
        return map
    }

    /// Returns 256 times the luma of a pixel.
    private static func weighted(_ picture: NoisePicture, _ x: Int, _ y: Int) -> Int {
        guard picture.layout.format == .rgb24 else { return 256 * picture.luma(x, y) }
        let pixel = picture.bytes[(y * picture.layout.bytesPerLine + 3 * x)...].prefix(3).map { Int($0) }
        return 77 * pixel[0] + 150 * pixel[1] + 29 * pixel[2]
    }
}
