import SecamWire

/// The picture of a virtual camera, in I420: colour bars and fine patterns, a moving square, a clock, and the frame
/// number as text and as black and white cells, which programs can read back from the decoded picture.
///
/// Values are those of JPEG (BT.601, full range).
package struct TestPicture: Sendable {
    /// The layout of rendered pictures: I420 without padding.
    package let layout: PictureLayout
    package let framesPerSecond: Int
    /// Minimum width and height, which leaves room for the cells and the moving square.
    package static let minimumSide = 64

    /// The square's side, pixels. It is even, and so are its positions, so that its chroma has whole samples.
    package let objectSide: Int
    private let objectTop: Int
    private let background: [UInt8]

    /// - Throws: ``PictureError/badSize(width:height:)`` below ``minimumSide`` or beyond ``PictureLimits``.
    package init(width: Int, height: Int, framesPerSecond: Int) throws(PictureError) {
        precondition(framesPerSecond > 0)
        layout = try PictureLayout(format: .i420, width: width, height: height)
        guard min(width, height) >= Self.minimumSide else { throw .badSize(width: width, height: height) }
        self.framesPerSecond = framesPerSecond
        objectSide = max(16, min(width, height) / 6 & ~1)
        let text = Self.textRectangle(width: width)
        // Below the text if that leaves room to move, else below the cells.
        let belowText = text.y + text.height
        objectTop = height - belowText >= 2 * objectSide ? (belowText + 1) & ~1 : FrameCells.height(width: width)
        background = TestBackground.render(layout)
    }

    /// Returns the upper left corner of the moving square, pixels. The square crosses the picture's width in four
    /// seconds and its height in three, and reverses at the edges.
    package func objectPosition(frame: UInt64) -> (x: Int, y: Int) {
        let across = bounce(frame, room: layout.width - objectSide, seconds: 4)
        return (across, objectTop + bounce(frame, room: layout.height - objectTop - objectSide, seconds: 3))
    }

    /// Draws one frame.
    ///
    /// - Throws: ``PictureError/destinationTooSmall(bytes:needed:)``.
    package func render(
        frame: UInt64, utcMicroseconds: Int64, into destination: inout MutableSpan<UInt8>
    ) throws(PictureError) {
        let plane = try Plane(layout, bytes: destination.count)
        // The whole background is copied, because the previous content of the buffer is unknown.
        unsafe destination.withUnsafeMutableBytes { bytes in
            unsafe bytes.copyBytes(from: background)
            unsafe drawObject(frame: frame, plane, in: bytes)
            unsafe FrameCells.draw(UInt32(truncatingIfNeeded: frame), plane, in: bytes)
        }
        let text = Self.textRectangle(width: layout.width)
        let scale = Self.textScale(width: layout.width)
        try Glyphs.draw(
            UTCText.text(microseconds: utcMicroseconds), into: &destination, layout: layout, x: text.x + scale,
            y: text.y + scale, scale: scale, foreground: 235)
        try Glyphs.draw(
            "frame \(frame)", into: &destination, layout: layout, x: text.x + scale,
            y: text.y + (1 + Glyphs.cellHeight) * scale, scale: scale, foreground: 235)
    }

    /// Reads the frame number (its low 32 bits) back from a rendered picture that was encoded and decoded.
    ///
    /// - Parameters:
    ///   - luma: the picture's first plane.
    ///   - layout: the layout of the decoded picture; I420, NV12 or GRAY8.
    ///   - scaledDown: the factor by which decoding reduced the picture: 1, 2, 4 or 8. If it is not 1, the width of
    ///     pictures narrower than 256 pixels must have been a multiple of 8.
    /// - Returns: `nil` if the cells are not clearly black and white, so this is another picture.
    package static func frameNumber(inLuma luma: Span<UInt8>, layout: PictureLayout, scaledDown: Int = 1) -> UInt32? {
        FrameCells.read(luma, layout, scaledDown: scaledDown)
    }

    /// Returns the area of the clock and the number, on the background's dark plate.
    static func textRectangle(width: Int) -> Glyphs.Run {
        let scale = textScale(width: width)
        let clock = Glyphs.size(of: UTCText.text(microseconds: 0), scale: scale)
        return Glyphs.Run(
            x: 0, y: FrameCells.height(width: width), width: clock.width + scale, height: 2 * clock.height + scale)
    }

    private static func textScale(width: Int) -> Int { max(1, width / 320) }

    private func bounce(_ frame: UInt64, room: Int, seconds: Int) -> Int {
        let room = UInt64(max(room, 0)) & ~1
        guard room > 0 else { return 0 }
        let step = max(2, room / UInt64(seconds * framesPerSecond) & ~1)
        let period = 2 * room
        let phase = frame % period * step % period
        return Int(phase <= room ? phase : period - phase)
    }

    private func drawObject(frame: UInt64, _ plane: Plane, in bytes: UnsafeMutableRawBufferPointer) {
        let position = objectPosition(frame: frame)
        let border = max(2, objectSide / 8)
        var square = Glyphs.Run(x: position.x, y: position.y, width: objectSide, height: objectSide)
        unsafe plane.fill(square, with: 16, in: bytes)
        square = Glyphs.Run(
            x: position.x + border, y: position.y + border, width: objectSide - 2 * border,
            height: objectSide - 2 * border)
        unsafe plane.fill(square, with: 220, in: bytes)
        let half = objectSide / 2
        for (offset, value) in [(layout.chromaOffset, UInt8(90)), (layout.secondChromaOffset, 190)] {
            for row in position.y / 2..<position.y / 2 + half {
                let start = offset + row * layout.chromaWidth + position.x / 2
                unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[start..<start + half])
                    .initializeMemory(as: UInt8.self, repeating: value)
            }
        }
    }
}
