import SecamPicture
import SecamTestSupport
import Testing

@Suite struct JPEGStructureTests {
    private func structure(_ jpeg: [UInt8], checksData: Bool = true) -> Result<JPEGStructure, JPEGStructure.Problem> {
        do throws(JPEGStructure.Problem) {
            return .success(try JPEGStructure(jpeg.span, checksData: checksData))
        } catch {
            return .failure(error)
        }
    }

    private func isDamaged(_ jpeg: [UInt8]) -> Bool {
        if case .failure(.damaged) = structure(jpeg) { true } else { false }
    }

    @Test func `size, colours and end of a whole JPEG are found`() throws {
        for components in [1, 3, 4] {
            let jpeg = plainJPEG(width: 50, height: 33, components: components)
            let found = try structure(jpeg + [UInt8](repeating: 0, count: 1500)).get()
            #expect((found.width, found.height, found.components) == (50, 33, components))
            #expect(found.byteCount == jpeg.count)
            #expect(found.isDecodable == (components < 4))
            #expect(found.orientation == 1)
        }
    }

    @Test func `missing Huffman tables are added, and bytes after the end removed`() throws {
        let without = plainJPEG(width: 50, height: 33)
        let found = try structure(without).get()
        #expect(!found.hasHuffmanTables)
        let padded = without + [0xff, 0xd9, 0, 0, 0]
        let completed = try structure(padded).get().completed(padded.span)
        #expect(completed == plainJPEG(width: 50, height: 33, tables: StandardHuffmanTables.segment))
        let again = try structure(completed).get()
        #expect(again.hasHuffmanTables && again.completed(completed.span) == completed)
    }

    @Test(arguments: [0, 3]) func `every truncated JPEG is damaged, with and without an end marker`(interval: Int) {
        let jpeg = plainJPEG(
            width: 80, height: 48, tables: StandardHuffmanTables.segment, components: 3, restartInterval: interval)
        #expect(!isDamaged(jpeg))
        for count in 0..<jpeg.count - 2 where count % 3 == 0 || count > jpeg.count - 150 {
            #expect(isDamaged(Array(jpeg.prefix(count))))
            #expect(isDamaged(Array(jpeg.prefix(count)) + [0xff, 0xd9]), "\(count) of \(jpeg.count)")
        }
    }

    @Test func `a lost part in the middle of the data is damage`() throws {
        let jpeg = plainJPEG(width: 640, height: 480, restartInterval: 80)
        let start = try structure(jpeg).get().firstScan + 200
        #expect(isDamaged(Array(jpeg[..<start] + jpeg[(start + 150)...])))
    }

    @Test func `without the check of the data, only markers count`() throws {
        let jpeg = plainJPEG(width: 200, height: 100, tables: StandardHuffmanTables.segment)
        let short = Array(jpeg.dropLast(50)) + [0xff, 0xd9]
        #expect(try structure(short, checksData: false).get().byteCount == short.count)
        #expect(isDamaged(short))
        guard case .failure(.damaged) = structure(Array(jpeg.dropLast(2)), checksData: false) else {
            Issue.record("the missing end was accepted")
            return
        }
    }

    @Test(arguments: 1...8) func `the orientation of EXIF data is found`(orientation: Int) throws {
        let little: [UInt8] = [
            0x49, 0x49, 42, 0, 8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, UInt8(orientation), 0, 0, 0, 0, 0, 0, 0,
        ]
        let big: [UInt8] = [
            0x4d, 0x4d, 0, 42, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, UInt8(orientation), 0, 0, 0, 0, 0, 0,
        ]
        for tiff in [little, big] {
            let content = Array("Exif\0\0".utf8) + tiff
            let jpeg = plainJPEG(
                width: 16, height: 8, tables: [0xff, 0xe1, 0, UInt8(content.count + 2)] + content)
            #expect(try structure(jpeg).get().orientation == orientation)
        }
    }

    @Test func `kinds of JPEG that no decoder supports are unsupported, not damaged`() {
        var lossless = plainJPEG(width: 16, height: 8)
        lossless[lossless.firstRange(of: [0xff, 0xc0])!.lowerBound + 1] = 0xc3
        var deep = plainJPEG(width: 16, height: 8)
        deep[deep.firstRange(of: [0xff, 0xc0])!.lowerBound + 4] = 12
        for jpeg in [lossless, deep] {
            guard case .failure(.unsupported) = structure(jpeg) else {
                Issue.record("accepted")
                continue
            }
        }
    }

    @Test func `random changes neither trap nor pass for another size`() {
        var random = SeededGenerator(seed: 5)
        let jpeg = plainJPEG(
            width: 64, height: 48, tables: StandardHuffmanTables.segment, components: 3, restartInterval: 5)
        for _ in 0..<500 {
            var changed = jpeg
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                changed[Int.random(in: changed.indices, using: &random)] = .random(in: 0...255, using: &random)
            }
            if case .success(let found) = structure(changed) {
                #expect(found.byteCount <= changed.count && found.firstScan < found.byteCount)
            }
        }
    }
}

@Suite struct JPEGSplitterTests {
    private static let first = plainJPEG(width: 64, height: 48)
    private static let second = plainJPEG(width: 40, height: 40, restartInterval: 7)

    /// Returns the pieces of a stream that arrives in parts of this many bytes.
    private func pieces(_ stream: [UInt8], step: Int) -> [JPEGSplitter.Piece] {
        var splitter = JPEGSplitter()
        var found: [JPEGSplitter.Piece] = []
        for start in stride(from: 0, to: stream.count, by: step) {
            let part = Array(stream[start..<min(start + step, stream.count)])
            splitter.append(part.span)
            while let piece = splitter.next() { found.append(piece) }
        }
        return found
    }

    @Test(arguments: [1, 2, 3, 100, 10_000])
    func `JPEGs are found between headers, boundaries and noise`(step: Int) {
        let header = Array("--frame\r\nContent-Type: image/jpeg\r\nContent-Length: 9999999\r\n\r\n".utf8)
        let noise: [UInt8] = [0xff, 0xff, 0, 0xff, 0xd8, 7, 0xff]
        let stream = Self.first + header + Self.second + noise + header + Self.first + header + Self.second
        #expect(pieces(stream, step: step) == [Self.first, Self.second, Self.first, Self.second].map { .jpeg($0) })
    }

    @Test(arguments: [1, 100, 10_000])
    func `a picture inside a segment does not end the outer one`(step: Int) {
        let content = Array("Exif\0\0".utf8) + Self.second
        let jpeg = plainJPEG(
            width: 64, height: 48,
            tables: [0xff, 0xe1, UInt8((content.count + 2) >> 8), UInt8((content.count + 2) & 255)] + content)
        #expect(pieces(jpeg + Self.first, step: step) == [.jpeg(jpeg), .jpeg(Self.first)])
    }

    @Test(arguments: [1, 100, 10_000])
    func `a JPEG that broke off is reported, and the next one found`(step: Int) {
        for count in [Self.second.count - 10, Self.second.count - 2] {
            let found = pieces(Self.first + Self.second.prefix(count) + Self.first, step: step)
            #expect(found.first == .jpeg(Self.first) && found.last == .jpeg(Self.first))
            #expect(found.count == 3)
        }
    }

    @Test func `an end in the middle of a JPEG is told from one after it`() {
        var splitter = JPEGSplitter()
        splitter.append(Self.first.span)
        let whole = splitter.next()
        let brokeOffAfterWhole = splitter.end()
        #expect(whole == .jpeg(Self.first) && !brokeOffAfterWhole)
        let beginning = Array(Self.first.prefix(100))
        splitter.append(beginning.span)
        let part = splitter.next()
        let brokeOff = splitter.end()
        #expect(part == nil && brokeOff)
    }
}
