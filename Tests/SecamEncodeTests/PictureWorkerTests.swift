import SecamJPEG
import SecamMesh
import SecamPicture
import SecamSharedMemory
import SecamTestSupport
import SecamWire
import Testing

@testable import SecamEncode

private let raw: [PixelFormat] = [.gray8, .yuyv, .nv12, .i420, .rgb24]

@Suite struct PictureWorkerTests {
    private let worker: PictureWorker

    init() throws { worker = try PictureWorker() }

    // MARK: Renditions

    @Test(arguments: raw, [(64, 48), (321, 201), (640, 360)])
    func `the JPEG matches the picture`(format: PixelFormat, size: (Int, Int)) throws {
        let picture = Slopes(width: size.0, height: size.1)
        let result = try make(.jpeg, format, picture)
        let made = try #require(result.made.first)
        #expect(result.made.count == 1 && made.rendition == .jpeg && made.format == .jpeg)
        #expect(made.width == size.0 && made.height == size.1 && Int(made.length) == result.payload.count)
        let decoded = try decode(result.payload)
        #expect(decoded.width == size.0 && decoded.height == size.1)
        #expect(difference(decoded.luma.map(Int.init), picture.means(factor: 1)) < 2)
        guard format != .gray8 else { return }
        let middle = picture.pixel(size.0 / 4 & ~1, size.1 / 4 & ~1)
        let chroma = decoded.chroma(size.0 / 4 & ~1, size.1 / 4 & ~1)
        #expect(abs(chroma.u - middle.u) < 6 && abs(chroma.v - middle.v) < 6)
    }

    @Test(
        arguments: raw + [.jpeg],
        [(640, 360, 640), (640, 360, 639), (641, 361, 330), (640, 360, 100), (640, 360, 16), (64, 64, 64)])
    func `the small JPEG has the first scale that is narrow enough`(format: PixelFormat, sizes: (Int, Int, Int)) throws
    {
        let (width, height, widest) = sizes
        let picture = Slopes(width: width, height: height)
        let factor = [1, 2, 4].first { (width + $0 - 1) / $0 <= widest } ?? 8
        let result = try make(.sub, format, picture, subWidth: widest)
        let made = try #require(result.made.first)
        #expect(made.rendition == .sub && made.format == .jpeg)
        #expect(Int(made.width) == (width + factor - 1) / factor && Int(made.height) == (height + factor - 1) / factor)
        let decoded = try decode(result.payload)
        #expect(decoded.width == Int(made.width) && decoded.height == Int(made.height))
        #expect(difference(decoded.luma.map(Int.init), picture.means(factor: factor)) < 3)
    }

    @Test(
        arguments: raw + [.jpeg],
        [(64, 48, 1), (320, 200, 1), (321, 10, 2), (640, 480, 2), (1280, 720, 4), (3000, 200, 16)])
    func `the luma map has the specified size and means`(format: PixelFormat, sizes: (Int, Int, Int)) throws {
        let (width, height, factor) = sizes
        let picture = Slopes(width: width, height: height)
        let result = try make(.luma, format, picture)
        let made = try #require(result.made.first)
        #expect(made.rendition == .luma && made.format == .gray8)
        #expect(Int(made.width) == (width + factor - 1) / factor && Int(made.height) == (height + factor - 1) / factor)
        #expect(result.payload.count == Int(made.width) * Int(made.height))
        let off = difference(result.payload.map(Int.init), picture.means(factor: factor))
        #expect(format == .jpeg || format == .rgb24 ? off < 3 : off == 0)
    }

    @Test func `all renditions of a picture are in one result`() throws {
        let picture = Slopes(width: 320, height: 240)
        let result = try make(.all, .nv12, picture, subWidth: 160)
        #expect(result.made.map(\.rendition) == [.jpeg, .sub, .luma])
        #expect(result.made.reduce(0) { $0 + Int($1.length) } == result.payload.count)
        let first = Int(result.made[0].length)
        let second = first + Int(result.made[1].length)
        #expect(try decode(Array(result.payload[..<first])).width == 320)
        #expect(try decode(Array(result.payload[first..<second])).width == 160)
        #expect(Array(result.payload[second...]) == (try make(.luma, .nv12, picture).payload))
    }

    @Test func `a higher quality makes a larger JPEG`() throws {
        var random = SeededGenerator(seed: 3)
        let noise = random.bytes(160 * 120)
        let sizes = try [1, 20, 80, 100].map { quality in
            try answer(work(.jpeg, .gray8, 160, 120, quality: quality), noise).payload.count
        }
        #expect(sizes == sizes.sorted() && sizes[0] * 3 < sizes[3])
    }

    @Test func `the frame number can be read from the JPEG`() throws {
        let test = try TestPicture(width: 320, height: 240, framesPerSecond: 30)
        for frame: UInt64 in [1, 77, 65_535] {
            var bytes = [UInt8](repeating: 0, count: test.layout.byteCount)
            var target = bytes.mutableSpan
            try test.render(frame: frame, utcMicroseconds: 0, into: &target)
            let result = try answer(work(.jpeg, .i420, 320, 240, quality: 50), bytes)
            let decoded = try decode(result.payload)
            let layout = try PictureLayout(format: .gray8, width: 320, height: 240)
            #expect(TestPicture.frameNumber(inLuma: decoded.luma.span, layout: layout) == UInt32(frame))
        }
    }

    // MARK: Hostile work

    @Test(arguments: raw + [.jpeg], [RenditionSet.jpeg, .sub, .luma, .all])
    func `a truncated picture is a failure`(format: PixelFormat, renditions: RenditionSet) throws {
        let whole = Slopes(width: 64, height: 48).bytes(format)
        for count in Set([0, 1, 64, 64 * 48, whole.count / 2, whole.count - 1])
        where count >= 0 && count < max(1, whole.count) {
            let result = try answer(work(renditions, format, 64, 48), Array(whole.prefix(count)))
            #expect(!result.failure.isEmpty && result.made.isEmpty && result.payload.isEmpty, "\(count) bytes")
        }
    }

    @Test(arguments: [RenditionSet.sub, .luma])
    func `garbage instead of a JPEG is a failure`(rendition: RenditionSet) throws {
        var random = SeededGenerator(seed: 5)
        for start: [UInt8] in [[], [0xff], [0xff, 0xd8], [0xff, 0xd8, 0xff, 0xc0, 0xff, 0xff]] {
            let result = try answer(work(rendition, .jpeg, 640, 480), start + random.bytes(500))
            #expect(!result.failure.isEmpty && result.made.isEmpty)
        }
    }

    @Test func `a damaged JPEG never traps`() throws {
        var random = SeededGenerator(seed: 6)
        let good = try make(.jpeg, .i420, Slopes(width: 320, height: 240)).payload
        for _ in 0..<300 {
            var bad = good
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                bad[Int.random(in: 0..<bad.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            if random.chance(percent: 30) { bad.removeLast(Int.random(in: 0..<bad.count, using: &random)) }
            let result = try answer(work([.sub, .luma], .jpeg, 320, 240, subWidth: 160), bad)
            #expect(result.failure.isEmpty == (result.made.count == 2))
        }
    }

    @Test(arguments: raw, [RenditionSet.jpeg, .sub, .luma])
    func `the largest size of the wire format is rejected before any allocation`(
        format: PixelFormat, rendition: RenditionSet
    )
        throws
    {
        for bytes: [UInt8] in [[], [UInt8](repeating: 1, count: 100_000)] {
            let result = try answer(work(rendition, format, 16384, 16384), bytes)
            #expect(!result.failure.isEmpty && result.made.isEmpty)
        }
    }

    @Test(arguments: raw, [(1, 1), (1, 16384), (16384, 1), (2, 3)])
    func `the smallest and largest sides are encoded`(format: PixelFormat, size: (Int, Int)) throws {
        let result = try make([.jpeg, .sub, .luma], format, Slopes(width: size.0, height: size.1), subWidth: 16)
        #expect(result.failure == "" && result.made.count == 3)
    }

    @Test func `a JPEG is not encoded again`() throws {
        let jpeg = try make(.jpeg, .i420, Slopes(width: 64, height: 48)).payload
        let result = try answer(work([.jpeg, .luma], .jpeg, 64, 48), jpeg)
        #expect(result.failure.contains("JPEG already") && result.made.isEmpty && result.payload.isEmpty)
    }

    @Test func `a failure does not affect the next job`() throws {
        _ = try answer(work(.all, .i420, 64, 48), [1, 2, 3])
        _ = try answer(work(.sub, .jpeg, 64, 48), [1, 2, 3])
        for format in raw {
            #expect(try make(.all, format, Slopes(width: 64, height: 48)).failure == "")
        }
    }

    @Test func `a picture with extra bytes is accepted`() throws {
        let picture = Slopes(width: 64, height: 48)
        let result = try answer(work(.all, .i420, 64, 48), picture.bytes(.i420) + [UInt8](repeating: 0, count: 999))
        #expect(result.failure == "" && result.made.count == 3)
    }

    @Test func `messages that are not work get no result`() throws {
        let truncated = MeshMessage(Array(work(.jpeg, .gray8, 4, 4).encoded(payload: 16).prefix(20)))
        let others: [MeshMessage] = [
            MeshMessage([]), MeshMessage([1, 2, 3]), MeshMessage(Grant(jobs: 1)), truncated,
            MeshMessage([UInt8](repeating: 255, count: 100)),
        ]
        for message in others {
            guard case .unreadable = worker.answer(message) else {
                Issue.record("answered \(message.count) bytes")
                continue
            }
        }
    }

    // MARK: Shared memory

    /// A memory file with one picture, as camera and encoder have it.
    private func share(_ picture: [UInt8]) throws -> (PictureSlot, MappedMemory) {
        let file = try MemoryFile(try #require(MemoryShape(pictureLength: picture.count)))
        let slot = file.slot(length: picture.count) { target in
            for index in picture.indices { target[index] = picture[index] }
        }
        return (try #require(slot), try file.mapped())
    }

    private func reference(
        _ work: Work, to slot: PictureSlot, memory: UInt64? = nil, index: Int? = nil, generation: UInt64? = nil,
        length: Int? = nil
    ) -> Work {
        Work(
            job: work.job, renditions: work.renditions, quality: work.quality, subWidth: work.subWidth,
            format: work.format, width: work.width, height: work.height, memory: memory ?? slot.file.number,
            slot: UInt16(index ?? slot.index), generation: generation ?? slot.generation,
            length: UInt32(length ?? slot.length))
    }

    @Test(arguments: raw)
    func `a picture in shared memory has the same renditions as in a message`(format: PixelFormat) throws {
        let picture = Slopes(width: 128, height: 96)
        let bytes = picture.bytes(format)
        let (slot, memory) = try share(bytes)
        let work = work(.all, format, picture.width, picture.height)
        let shared = try answer(reference(work, to: slot), [], memory: memory)
        let sent = try answer(work, bytes)
        #expect(shared.failure == "" && shared.payload == sent.payload && shared.made == sent.made)
    }

    @Test func `a reference that does not fit the memory is answered with a failure`() throws {
        let picture = Slopes(width: 128, height: 96)
        let (slot, memory) = try share(picture.bytes(.i420))
        let work = work(.jpeg, .i420, picture.width, picture.height)
        let bad = [
            reference(work, to: slot, memory: 1), reference(work, to: slot, index: 1),
            reference(work, to: slot, index: 65535), reference(work, to: slot, generation: slot.generation + 1),
            reference(work, to: slot, generation: 0), reference(work, to: slot, length: slot.length - 1),
            reference(work, to: slot, length: Int(UInt32.max)), reference(work, to: slot, length: 0),
            reference(self.work(.jpeg, .i420, 16384, 16384), to: slot),
        ]
        for work in bad { #expect(try answer(work, [], memory: memory).failure != "") }
        let good = reference(work, to: slot)
        #expect(try answer(good, []).failure.contains("not mapped"))
        #expect(try answer(good, [1], memory: memory).failure.contains("also in the message"))
        #expect(try answer(good, [], memory: memory).failure == "")
    }

    @Test func `a JPEG in shared memory is refused, because it could change while it is read`() throws {
        let jpeg = try make(.jpeg, .i420, Slopes(width: 64, height: 48)).payload
        let (slot, memory) = try share(jpeg)
        let result = try answer(reference(work(.luma, .jpeg, 64, 48), to: slot), [], memory: memory)
        #expect(result.failure.contains("must not"))
    }

    // MARK: Helpers

    private struct Result {
        let made: [EncodedRendition]
        let failure: String
        let payload: [UInt8]
    }

    private func work(
        _ renditions: RenditionSet, _ format: PixelFormat, _ width: Int, _ height: Int, quality: Int = 95,
        subWidth: Int = 640
    ) -> Work {
        Work(
            job: 42, renditions: renditions, quality: UInt8(quality), subWidth: UInt16(subWidth), format: format,
            width: UInt16(width), height: UInt16(height))
    }

    private func answer(_ work: Work, _ picture: [UInt8], memory: MappedMemory? = nil) throws -> Result {
        let message = MeshMessage(work.encoded(payload: picture.count), payload: picture[...])
        guard case .result(let answer, let isFailure, _) = worker.answer(message, memory: memory) else {
            throw WireError.unknownType(0)
        }
        return try answer.withBytes { bytes in
            let envelope = try Envelope.readWhole(bytes, limit: WireLimits.meshMessage)
            let (result, payload) = try WorkResult.decode(bytes, envelope)
            #expect(result.job == 42 && isFailure == !result.failure.isEmpty)
            return Result(
                made: result.renditions, failure: result.failure, payload: [UInt8](copying: bytes.extracting(payload)))
        }
    }

    /// Makes renditions of a picture, which is encoded first for the format JPEG.
    private func make(
        _ renditions: RenditionSet, _ format: PixelFormat, _ picture: Slopes, subWidth: Int = 640
    ) throws -> Result {
        let bytes =
            format == .jpeg
            ? try answer(work(.jpeg, .i420, picture.width, picture.height), picture.bytes(.i420)).payload
            : picture.bytes(format)
        return try answer(work(renditions, format, picture.width, picture.height, subWidth: subWidth), bytes)
    }

    private struct Decoded {
        let width: Int
        let height: Int
        let planes: [UInt8]

        var luma: [UInt8] { Array(planes.prefix(width * height)) }

        func chroma(_ x: Int, _ y: Int) -> (u: Int, v: Int) {
            let (columns, rows) = ((width + 1) / 2, (height + 1) / 2)
            let offset = width * height + y / 2 * columns + x / 2
            return (Int(planes[offset]), Int(planes[offset + columns * rows]))
        }
    }

    private func decode(_ jpeg: [UInt8]) throws -> Decoded {
        var decoder = try JPEGDecoder()
        let header = try decoder.header(of: jpeg.span)
        var planes = [UInt8](
            repeating: 0, count: PixelFormat.i420.byteCount(width: header.width, height: header.height)!)
        var target = planes.mutableSpan
        let picture = try decoder.decodeI420(jpeg.span, into: &target)
        #expect(!picture.isDamaged)
        return Decoded(width: picture.width, height: picture.height, planes: planes)
    }
}
