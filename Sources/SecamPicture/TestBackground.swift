import SecamWire

/// The static part of a ``TestPicture``: colour bars, below them a grey ramp and rings that get finer outwards, and
/// dark plates behind the cells and the text.
enum TestBackground {
    static func render(_ layout: PictureLayout) -> [UInt8] {
        let (width, height) = (layout.width, layout.height)
        let barsBottom = height * 2 / 3
        var picture = [UInt8](repeating: 128, count: layout.byteCount)
        for y in 0..<height {
            let row = y * width
            for x in 0..<width {
                picture[row + x] =
                    y < barsBottom ? bar(x, of: width).luma : pattern(x, y - barsBottom, width, height - barsBottom)
            }
        }
        for y in 0..<barsBottom / 2 {
            let row = y * layout.chromaWidth
            for x in 0..<layout.chromaWidth {
                let color = bar(2 * x, of: width)
                picture[layout.chromaOffset + row + x] = color.u
                picture[layout.secondChromaOffset + row + x] = color.v
            }
        }
        darken(&picture, layout, width: FrameCells.width(width: width), rows: 0..<FrameCells.height(width: width))
        let text = TestPicture.textRectangle(width: width)
        darken(&picture, layout, width: min(text.width, width), rows: text.y..<min(text.y + text.height, height))
        return picture
    }

    private static func bar(_ x: Int, of width: Int) -> (luma: UInt8, u: UInt8, v: UInt8) {
        // White, yellow, cyan, green, magenta, red, blue, black at three quarters of full strength.
        let bars: [8 of (luma: UInt8, u: UInt8, v: UInt8)] = [
            (191, 128, 128), (169, 32, 144), (134, 160, 32), (112, 65, 49),
            (79, 191, 207), (57, 96, 224), (22, 224, 112), (0, 128, 128),
        ]
        return bars[x * 8 / width]
    }

    private static func pattern(_ x: Int, _ y: Int, _ width: Int, _ height: Int) -> UInt8 {
        if y < height / 3 { return UInt8(x * 255 / width) }
        let (dx, dy) = (x - width / 2, y - height * 2 / 3)
        // A triangle wave over the squared distance makes rings whose spacing shrinks with the distance.
        let phase = (dx * dx + dy * dy) * 40 / width % 512
        return UInt8(64 + (phase < 256 ? phase : 511 - phase) / 2)
    }

    private static func darken(_ picture: inout [UInt8], _ layout: PictureLayout, width: Int, rows: Range<Int>) {
        for y in rows {
            for x in 0..<width {
                picture[y * layout.width + x] = 16
                let chroma = y / 2 * layout.chromaWidth + x / 2
                picture[layout.chromaOffset + chroma] = 128
                picture[layout.secondChromaOffset + chroma] = 128
            }
        }
    }
}
