import SecamJPEG
import SecamPicture
import SecamTestSupport
import SecamWire
import Testing

@Suite
struct HostileJPEGTests {
    private static let all = Images.bySubsampling.map(\.1) + [Images.progressive, Images.rgb]

    /// Returns the image with another size in its frame header.
    private func resized(_ jpeg: [UInt8], width: UInt16, height: UInt16) throws -> [UInt8] {
        let marker = try #require(
            jpeg.indices.dropLast(9).first { jpeg[$0] == 0xff && [0xc0, 0xc1, 0xc2].contains(jpeg[$0 + 1]) })
        var result = jpeg
        result[marker + 5] = UInt8(height >> 8)
        result[marker + 6] = UInt8(height & 0xff)
        result[marker + 7] = UInt8(width >> 8)
        result[marker + 8] = UInt8(width & 0xff)
        return result
    }

    @Test
    func `data other than JPEG are rejected and the decoder remains usable`() throws {
        var decoder = try JPEGDecoder()
        var noise = SeededGenerator(seed: 1)
        let random = (0..<4096).map { _ in UInt8.random(in: 0...255, using: &noise) }
        let inputs: [[UInt8]] = [
            [], [0xff], [0xff, 0xd8], [0xff, 0xd8, 0xff, 0xd9], Array("GET / HTTP/1.1\r\n\r\n".utf8),
            [UInt8](repeating: 0, count: 100_000), [UInt8](repeating: 0xff, count: 100_000), random,
            [0xff, 0xd8] + random,
        ]
        let expected = try decoder.i420(Images.yuv422)
        for input in inputs {
            #expect { try decoder.header(of: input.span) } throws: { error in
                if case .invalid(let reason) = error as? JPEGError { !reason.isEmpty } else { false }
            }
            #expect(throws: JPEGError.self) { try decoder.i420(input) }
            #expect(try decoder.i420(Images.yuv422) == expected)
        }
    }

    @Test(arguments: [(65_535, 65_535), (65_535, 1), (1, 65_535), (16_384, 16_384), (16_385, 8)])
    func `sizes beyond the limits are rejected by the header`(width: Int, height: Int) throws {
        for image in [Images.yuv420, Images.progressive] {
            let jpeg = try resized(image, width: UInt16(width), height: UInt16(height))
            var decoder = try JPEGDecoder()
            #expect { try decoder.header(of: jpeg.span) } throws: { error in
                // libturbojpeg's own limit is 65500.
                switch error as? JPEGError {
                case .tooLarge(width, height): true
                case .invalid: max(width, height) > 65_500
                default: false
                }
            }
            #expect(throws: JPEGError.self) {
                try decoded(64) { room throws(JPEGError) in
                    try decoder.decode(jpeg.span, as: .gray, scale: .eighth, into: &room)
                }
            }
        }
    }

    @Test(arguments: [(0, 8), (8, 0), (0, 0)])
    func `a picture without rows or columns is rejected`(width: Int, height: Int) throws {
        let jpeg = try resized(Images.yuv420, width: UInt16(width), height: UInt16(height))
        var decoder = try JPEGDecoder()
        #expect(throws: JPEGError.self) { try decoder.header(of: jpeg.span) }
    }

    @Test
    func `an image that claims more than its data is decoded as damaged`() throws {
        let jpeg = try resized(Images.yuv420, width: 1024, height: 1024)
        var decoder = try JPEGDecoder()
        let result = try decoder.pixels(jpeg, .gray)
        #expect(result.picture == JPEGPicture(width: 1024, height: 1024, isDamaged: true))
        #expect(result.kept)
    }

    @Test
    func `CMYK is rejected`() throws {
        var decoder = try JPEGDecoder()
        let image = Images.cmyk
        #expect(throws: JPEGError.unsupportedColors) { try decoder.header(of: image.span) }
    }

    @Test
    func `an image with a thousand scans is rejected`() throws {
        let jpeg = Images.progressive
        let scans = jpeg.indices.dropLast().filter { jpeg[$0] == 0xff && jpeg[$0 + 1] == 0xda }
        let last = try #require(scans.last)
        let scan = jpeg[last..<(jpeg.endIndex - 2)]
        let bomb = Array(jpeg[..<last] + (0..<1000).flatMap { _ in scan } + [0xff, 0xd9])
        var decoder = try JPEGDecoder()
        #expect(try decoder.header(of: bomb.span).width == Images.width)
        for planes in [true, false] {
            #expect { try planes ? decoder.i420(bomb) : decoder.pixels(bomb, .gray) } throws: { error in
                if case .invalid(let reason) = error as? JPEGError { reason.contains("scans") } else { false }
            }
        }
    }

    @Test
    func `a large image with too many scans is rejected before decoding`() throws {
        let (width, height) = (5792, 5792)
        let pixels = [UInt8](repeating: 128, count: width * height * 3 / 2)
        var encoder = try JPEGEncoder()
        let jpeg = try encoder.encode(pixels.span, format: .i420, width: width, height: height, quality: 50) {
            [UInt8](copying: $0)
        }
        let bomb = Array(jpeg.dropLast(2) + (0..<9).flatMap { _ in [0xff, 0xda] as [UInt8] } + [0xff, 0xd9])
        var decoder = try JPEGDecoder()
        #expect(try decoder.header(of: jpeg.span).width == width)
        #expect {
            try decoder.header(of: bomb.span)
        } throws: { error in
            if case .invalid(let reason) = error as? JPEGError { reason.contains("scans") } else { false }
        }
    }

    /// Returns the position of the sampling factors of the frame header's first component.
    private func resampled(_ jpeg: [UInt8], _ factors: UInt8) throws -> [UInt8] {
        let marker = try #require(
            jpeg.indices.dropLast(11).first { jpeg[$0] == 0xff && [0xc0, 0xc1, 0xc2].contains(jpeg[$0 + 1]) })
        var result = jpeg
        result[marker + 11] = factors
        return result
    }

    /// Returns the image with its interleaved scan marked as the first of several.
    private func separated(_ jpeg: [UInt8]) throws -> [UInt8] {
        let scan = try #require(jpeg.indices.dropLast().first { jpeg[$0] == 0xff && jpeg[$0 + 1] == 0xda })
        let alone: [UInt8] = [0xff, 0xda, 0, 8, 1, jpeg[scan + 5], jpeg[scan + 6], 0, 63, 0]
        return Array(jpeg[..<scan]) + alone + jpeg[(scan + 14)...]
    }

    /// Returns the image with only its first scan.
    private func firstScan(of jpeg: [UInt8]) throws -> [UInt8] {
        let scans = jpeg.indices.dropLast().filter { jpeg[$0] == 0xff && jpeg[$0 + 1] == 0xda }
        return try Array(jpeg[..<#require(scans.dropFirst().first)]) + [0xff, 0xd9]
    }

    private func isTooMuchMemory(_ error: any Error) -> Bool {
        if case .tooMuchMemory = error as? JPEGError { true } else { false }
    }

    @Test func `an image that needs too much memory is rejected by its header`() throws {
        let bombs = [
            try resized(resampled(firstScan(of: Images.progressive), 0x11), width: 5792, height: 5792),
            try resized(separated(Images.yuv444), width: 5792, height: 5792),
        ]
        for bomb in bombs {
            var decoder = try JPEGDecoder()
            #expect { try decoder.header(of: bomb.span) } throws: { isTooMuchMemory($0) }
            #expect {
                try decoded(64) { room throws(JPEGError) in
                    try decoder.decode(bomb.span, as: .gray, scale: .eighth, into: &room)
                }
            } throws: {
                isTooMuchMemory($0)
            }
        }
    }

    @Test func `the decoded picture counts towards the memory limit`() throws {
        let jpeg = try resized(Images.yuv444, width: 640, height: 480)
        for (limit, isEnough) in [(640 * 480 * 3, false), (640 * 480 * 4, true)] {
            var decoder = try JPEGDecoder(memoryLimit: limit)
            #expect(((try? decoder.i420(jpeg)) != nil) == isEnough)
        }
        var small = try JPEGDecoder(memoryLimit: 640 * 480 * 3 - 1)
        #expect { try small.pixels(jpeg, .rgb) } throws: { isTooMuchMemory($0) }
    }

    @Test func `a baseline image of 8K and a progressive one of 4K are decoded`() throws {
        var decoder = try JPEGDecoder()
        for image in [Images.yuv420, Images.yuv422, Images.yuv444] {
            let large = try resized(image, width: 7680, height: 4320)
            #expect(try decoder.i420(large).picture.width == 7680)
        }
        let progressive = try resized(resampled(Images.progressive, 0x11), width: 3840, height: 2160)
        #expect(try decoder.i420(progressive).picture.width == 3840)
    }

    @Test func `a progressive thumbnail in a baseline image does not count`() throws {
        let thumbnail = Images.progressive
        let length = thumbnail.count + 2
        let application: [UInt8] = [0xff, 0xe1, UInt8(length >> 8), UInt8(length & 0xff)] + thumbnail
        let large = try resized(Images.yuv444, width: 5792, height: 2896)
        let image = Array(large[..<2]) + application + large[2...]
        var decoder = try JPEGDecoder()
        let header = try decoder.header(of: image.span)
        #expect(!header.keepsCoefficients)
        let other = try decoder.header(of: thumbnail.span)
        #expect(other.keepsCoefficients)
    }

    @Test
    func `a truncated image is rejected or marked as damaged`() throws {
        var decoder = try JPEGDecoder()
        for image in Self.all {
            for length in 0..<(image.count - 2) {
                let cut = Array(image[..<length])
                let result = try? decoder.pixels(cut, .gray)
                #expect(result?.picture.isDamaged ?? true, "\(length) of \(image.count) bytes")
                let planes = try? decoder.i420(cut)
                #expect(planes?.picture.isDamaged ?? true)
            }
        }
    }

    @Test
    func `a damaged image never shows the previous content of the buffer`() throws {
        var decoder = try JPEGDecoder()
        var noise = SeededGenerator(seed: 7)
        var damaged = 0
        for round in 0..<600 {
            let image = flipped(Self.all[round % Self.all.count], &noise)
            guard let first = try? decoder.i420(image, old: 0x11), let second = try? decoder.i420(image, old: 0xee)
            else { continue }
            damaged += first.picture.isDamaged ? 1 : 0
            #expect(first == second)
            let gray = try? (decoder.pixels(image, .gray, old: 0x11), decoder.pixels(image, .gray, old: 0xee))
            #expect(gray?.0 == gray?.1)
        }
        #expect(damaged > 20)
    }

    @Test(arguments: 0..<8)
    func `flipped bits give a picture or an error without writing beyond the buffer`(seed: Int) throws {
        var decoder = try JPEGDecoder()
        var noise = SeededGenerator(seed: UInt64(seed) + 100)
        var (whole, refused) = (0, 0)
        for round in 0..<400 {
            let image = flipped(Self.all[round % Self.all.count], &noise)
            // Flipped sizes are excluded: they are tested above and only take time here.
            guard let header = try? decoder.header(of: image.span), header.width * header.height < 1 << 16 else {
                refused += 1
                continue
            }
            let scale = try #require(JPEGScale.allCases.randomElement(using: &noise))
            let pixels = try #require(JPEGPixels.allCases.randomElement(using: &noise))
            do throws(JPEGError) {
                let one = try decoder.pixels(image, pixels, scale)
                let two = try decoder.i420(image, scale)
                #expect(one.kept && two.kept)
                whole += 1
            } catch {
                guard case .invalid = error else { throw error }
                refused += 1
            }
        }
        #expect(whole > 0 && refused > 0)
    }

    private func flipped(_ image: [UInt8], _ noise: inout SeededGenerator) -> [UInt8] {
        var result = image
        for _ in 0..<Int.random(in: 1...4, using: &noise) {
            result[Int.random(in: 2..<image.count, using: &noise)] ^= 1 << UInt8.random(in: 0...7, using: &noise)
        }
        return result
    }
}
