import SecamPicture
import SecamWire
import Testing

@Suite
struct GlyphsTests {
    private static let printable = (0x20...0x7e).map { String(UnicodeScalar(UInt8($0))) }

    private func runs(_ text: String, scale: Int = 1) -> [Glyphs.Run] {
        var runs: [Glyphs.Run] = []
        Glyphs.forEachRun(in: text, x: 0, y: 0, scale: scale) { runs.append($0) }
        return runs
    }

    @Test
    func `every printable character has its own drawing within its cell`() {
        var seen: [[Glyphs.Run]: String] = [:]
        for character in Self.printable {
            let runs = runs(character)
            #expect(runs.isEmpty == (character == " "))
            #expect(
                runs.allSatisfy {
                    $0.x >= 0 && $0.width > 0 && $0.x + $0.width < Glyphs.cellWidth && $0.y >= 0
                        && $0.y + $0.height < Glyphs.cellHeight
                }, "\(character)")
            #expect(seen.updateValue(character, forKey: runs) == nil, "\(character) looks like another character")
        }
    }

    @Test
    func `an L is a column and a foot`() {
        let column = (0..<6).map { Glyphs.Run(x: 0, y: $0, width: 1, height: 1) }
        #expect(runs("L") == column + [Glyphs.Run(x: 0, y: 6, width: 5, height: 1)])
    }

    @Test
    func `runs cover adjacent dots and scale with the text`() {
        let plus = runs("+", scale: 3)
        #expect(plus.contains(Glyphs.Run(x: 0, y: 9, width: 15, height: 3)))
        #expect(plus.count == 5)
    }

    @Test(arguments: ["é", "\u{0}", "\u{7f}", "日", "\u{1F600}"])
    func `characters outside ASCII are question marks`(text: String) {
        #expect(runs(text) == runs("?"))
        #expect(Glyphs.size(of: text, scale: 2) == (12, 20))
    }

    @Test
    func `drawing sets exactly the pixels of the runs, within padded rows`() throws {
        let layout = try PictureLayout(format: .gray8, width: 40, height: 24, bytesPerLine: 44)
        let text = "g@"
        let result = try written(layout.byteCount) { room in
            try Glyphs.draw(
                text, into: &room, layout: layout, x: 3, y: 2, scale: 2, foreground: 255, background: 7)
        }
        var expected = [UInt8](repeating: 0xa5, count: layout.byteCount)
        for y in 2..<22 { for x in 3..<27 { expected[y * 44 + x] = 7 } }
        for run in runs(text, scale: 2) {
            for y in run.y..<run.y + run.height {
                for x in run.x..<run.x + run.width { expected[(y + 2) * 44 + x + 3] = 255 }
            }
        }
        #expect(result.bytes == expected)
        #expect(result.kept)
    }

    @Test(arguments: [(-7, -3), (60, 5), (5, 25), (-500, 0), (0, 500)])
    func `text beyond the edges is clipped`(x: Int, y: Int) throws {
        let layout = try PictureLayout(format: .gray8, width: 64, height: 32, bytesPerLine: 70)
        let result = try written(layout.byteCount) { room in
            try Glyphs.draw(
                "Clipped", into: &room, layout: layout, x: x, y: y, scale: 3, foreground: 1, background: 0)
        }
        #expect(result.kept)
        for row in 0..<31 { #expect(result.bytes[row * 70 + 64..<row * 70 + 70].allSatisfy { $0 == 0xa5 }) }
    }

    @Test
    func `packed formats and truncated pictures are rejected`() throws {
        let yuyv = try PictureLayout(format: .yuyv, width: 64, height: 32)
        let gray = try PictureLayout(format: .gray8, width: 64, height: 64)
        _ = written(yuyv.byteCount - 1) { room in
            #expect(throws: PictureError.unsupportedFormat(.yuyv)) {
                try Glyphs.draw("x", into: &room, layout: yuyv, x: 0, y: 0, scale: 1, foreground: 0)
            }
            #expect(throws: PictureError.destinationTooSmall(bytes: 4095, needed: 4096)) {
                try Glyphs.draw("x", into: &room, layout: gray, x: 0, y: 0, scale: 1, foreground: 0)
            }
        }
    }
}
