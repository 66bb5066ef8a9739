import SecamPicture
import SecamWire
import Testing

@Suite
struct RepackTests {
    static let sizes = [(1, 1), (2, 2), (3, 5), (17, 9), (64, 48), (321, 7), (7, 322), (1280, 3)]

    @Test(arguments: sizes, [0, 1, 6, 64])
    func `YUYV, NV12 and I420 become packed I420, even with padded rows and odd sizes`(size: (Int, Int), padding: Int)
        throws
    {
        for format in [PixelFormat.yuyv, .nv12, .i420] {
            let picture = try NoisePicture(format, size.0, size.1, padding: padding)
            let count = try #require(PixelFormat.i420.byteCount(width: size.0, height: size.1))
            #expect(Repack.byteCount(of: picture.layout) == count)
            let result = try written(count) { room in
                let written = try Repack.copy(picture.bytes.span, layout: picture.layout, into: &room)
                #expect(written == count)
            }
            #expect(result.bytes == picture.i420(), "\(format) \(size) padding \(padding)")
            #expect(result.kept)
        }
    }

    @Test(arguments: sizes, [0, 5])
    func `RGB24 and GRAY8 only lose their padding`(size: (Int, Int), padding: Int) throws {
        for (format, pixel) in [(PixelFormat.rgb24, 3), (.gray8, 1)] {
            let picture = try NoisePicture(format, size.0, size.1, padding: padding)
            let result = try written(size.0 * size.1 * pixel) { room in
                try Repack.copy(picture.bytes.span, layout: picture.layout, into: &room)
            }
            let rows = (0..<size.1).flatMap { y in
                picture.bytes[y * picture.layout.bytesPerLine..<y * picture.layout.bytesPerLine + size.0 * pixel]
            }
            #expect(result.bytes == rows)
            #expect(result.kept)
        }
    }

    @Test
    func `a picture that lacks one byte is rejected without output`() throws {
        for format in PixelFormat.allCases where format != .jpeg {
            let picture = try NoisePicture(format, 33, 17, padding: 3)
            let needed = picture.layout.byteCount
            let result = written(33 * 17 * 4) { room in
                #expect(throws: PictureError.sourceTooSmall(bytes: needed - 1, needed: needed)) {
                    try Repack.copy(
                        picture.bytes.span.extracting(first: needed - 1), layout: picture.layout, into: &room)
                }
            }
            #expect(result.bytes.allSatisfy { $0 == 0xa5 })
        }
    }

    @Test
    func `a destination that lacks one byte is rejected`() throws {
        let picture = try NoisePicture(.yuyv, 16, 16, padding: 0)
        let needed = Repack.byteCount(of: picture.layout)
        _ = written(needed - 1) { room in
            #expect(throws: PictureError.destinationTooSmall(bytes: needed - 1, needed: needed)) {
                try Repack.copy(picture.bytes.span, layout: picture.layout, into: &room)
            }
        }
    }

    @Test(arguments: [
        (0, 1), (1, 0), (-1, 5), (5, Int.min), (Int.max, Int.max), (16_385, 1), (1, 16_385), (16_384, 16_384),
    ])
    func `absurd sizes are rejected before any computation`(width: Int, height: Int) {
        #expect(throws: PictureError.badSize(width: width, height: height)) {
            try PictureLayout(format: .yuyv, width: width, height: height)
        }
    }

    @Test(arguments: [-1, 0, 1279, (1 << 18) + 1, Int.max])
    func `rows that overlap or are absurdly long are rejected`(bytes: Int) {
        #expect(throws: PictureError.badBytesPerLine(bytes, needed: 1280)) {
            try PictureLayout(format: .yuyv, width: 640, height: 480, bytesPerLine: bytes)
        }
    }

    @Test
    func `JPEG has no layout`() {
        #expect(throws: PictureError.unsupportedFormat(.jpeg)) {
            try PictureLayout(format: .jpeg, width: 640, height: 480)
        }
        #expect(Repack.result(of: .jpeg) == nil)
    }

    @Test
    func `a layout without padding has the size of the wire format`() throws {
        for format in PixelFormat.allCases where format != .jpeg {
            for (width, height) in Self.sizes {
                let layout = try PictureLayout(format: format, width: width, height: height)
                #expect(layout.byteCount == format.byteCount(width: width, height: height), "\(format)")
            }
        }
    }
}
