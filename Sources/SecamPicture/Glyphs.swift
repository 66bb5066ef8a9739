import SecamWire

/// A small fixed-width font of the printable ASCII characters, for text in pictures. Other characters appear as a
/// question mark.
package enum Glyphs {
    /// Columns per character at scale 1, including the gap.
    package static let cellWidth = GlyphRows.columns + 1
    /// Rows per line at scale 1, including descenders and the gap.
    package static let cellHeight = GlyphRows.rows + 3

    /// A horizontal run of set pixels.
    package struct Run: Hashable, Sendable {
        /// Pixels; may lie outside the picture.
        package var x, y, width, height: Int

        package init(x: Int, y: Int, width: Int, height: Int) {
            (self.x, self.y, self.width, self.height) = (x, y, width, height)
        }
    }

    /// Returns the size of one line of text, pixels.
    package static func size(of text: String, scale: Int) -> (width: Int, height: Int) {
        (text.unicodeScalars.count * cellWidth * scale, cellHeight * scale)
    }

    /// Calls `body` with each run of set pixels of one line of text, whose upper left corner is at (`x`, `y`).
    package static func forEachRun(in text: String, x: Int, y: Int, scale: Int, _ body: (Run) -> Void) {
        var left = x
        for scalar in text.unicodeScalars {
            let character = (GlyphRows.first...GlyphRows.last).contains(scalar.value) ? scalar.value : 0x3f
            let top = y + lowering(of: character) * scale
            for row in 0..<GlyphRows.rows {
                var bits = GlyphRows.row(row, of: character)
                while bits != 0 {
                    // The leftmost set column, and the number of set columns from there.
                    let start = bits.leadingZeroBitCount - (8 - GlyphRows.columns)
                    let length = (~(bits << bits.leadingZeroBitCount)).leadingZeroBitCount
                    body(Run(x: left + start * scale, y: top + row * scale, width: length * scale, height: scale))
                    bits &= 0xff >> UInt8(start + length + 8 - GlyphRows.columns)
                }
            }
            left += cellWidth * scale
        }
    }

    /// Draws one line of text into the first plane of a picture (luma of I420 and NV12, all of GRAY8), clipped to the
    /// picture.
    ///
    /// - Parameters:
    ///   - x: pixels from the left edge to the text's upper left corner; `x` and `y` may be negative.
    ///   - scale: pixels per side of a dot of the font, at least 1.
    ///   - background: fills the text's cells first; `nil` for none.
    /// - Throws: ``PictureError/unsupportedFormat(_:)`` if the picture's first plane does not have one byte per pixel;
    ///   ``PictureError/destinationTooSmall(bytes:needed:)``.
    package static func draw(
        _ text: String, into picture: inout MutableSpan<UInt8>, layout: PictureLayout, x: Int, y: Int, scale: Int,
        foreground: UInt8, background: UInt8? = nil
    ) throws(PictureError) {
        let plane = try Plane(layout, bytes: picture.count)
        unsafe picture.withUnsafeMutableBytes { bytes in
            if let background {
                let size = size(of: text, scale: scale)
                unsafe plane.fill(
                    Run(x: x, y: y, width: size.width, height: size.height), with: background, in: bytes)
            }
            forEachRun(in: text, x: x, y: y, scale: scale) { run in
                unsafe plane.fill(run, with: foreground, in: bytes)
            }
        }
    }

    /// Returns the rows of a character's descender.
    private static func lowering(of character: UInt32) -> Int {
        switch Unicode.Scalar(character) {
        case "g", "p", "q", "y": 2
        case "j", ",", ";": 1
        default: 0
        }
    }
}

/// The first plane of a picture, one byte per pixel.
struct Plane {
    let width: Int
    let height: Int
    let bytesPerLine: Int

    init(_ layout: PictureLayout, bytes: Int) throws(PictureError) {
        switch layout.format {
        case .i420, .nv12, .gray8: break
        case .jpeg, .yuyv, .rgb24: throw .unsupportedFormat(layout.format)
        }
        guard bytes >= layout.byteCount else {
            throw .destinationTooSmall(bytes: bytes, needed: layout.byteCount)
        }
        width = layout.width
        height = layout.height
        bytesPerLine = layout.bytesPerLine
    }

    /// Fills a rectangle, clipped to the plane.
    func fill(_ rectangle: Glyphs.Run, with value: UInt8, in bytes: UnsafeMutableRawBufferPointer) {
        let left = max(rectangle.x, 0)
        let right = min(rectangle.x + rectangle.width, width)
        let rows = max(rectangle.y, 0)..<max(rectangle.y, 0, min(rectangle.y + rectangle.height, height))
        guard left < right else { return }
        for row in rows {
            let start = row * bytesPerLine
            unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[start + left..<start + right])
                .initializeMemory(as: UInt8.self, repeating: value)
        }
    }
}
