import SecamJPEG
import SecamMedia
import SecamMotionDetector
import SecamPicture
import SecamWire

/// A video of the detector's view: at the left, the luma map with boxes around motion; at the right, the difference of each
/// cell from the background, in which a quarter of white is the threshold.
package final class MotionPicture {
    private static let scale = 2
    private static let quality = 85
    /// The chroma value of grey.
    private static let neutral: UInt8 = 128
    private static let red: (u: UInt8, v: UInt8) = (90, 240)

    private let path: String
    private var encoder: JPEGEncoder
    private var writer: MatroskaWriter?
    private var canvas: [UInt8] = []

    /// - Parameter path: the Matroska file, created with the first map.
    package init(path: String) throws {
        self.path = path
        encoder = try JPEGEncoder()
    }

    /// Completes the file.
    package func finish() throws {
        try writer?.finish()
    }

    /// Adds a picture of the map that the detector has just processed.
    func add(_ frame: LumaFrame, _ map: [UInt8], _ detector: borrowing MotionDetector) throws {
        let layout = try PictureLayout(
            format: .i420, width: 2 * Self.scale * frame.width, height: Self.scale * frame.height)
        canvas = [UInt8](repeating: Self.neutral, count: layout.byteCount)
        drawMap(map, frame, layout)
        drawDifference(frame, layout, detector)
        for box in detector.boxes { draw(box, frame, layout) }
        try label("\(frame.number)  \(frame.timestampMicroseconds / 100_000 * 100) ms", layout)
        try write(canvas, layout, at: frame.timestampMicroseconds)
    }

    private func label(_ text: String, _ layout: PictureLayout) throws {
        var pixels = canvas
        var target = pixels.mutableSpan
        try Glyphs.draw(
            text, into: &target, layout: layout, x: 4, y: 4, scale: 1, foreground: 235, background: 16)
        canvas = pixels
    }

    private func write(_ pixels: [UInt8], _ layout: PictureLayout, at time: Int64) throws {
        let writer =
            try self.writer
            ?? MatroskaWriter(
                path: path, width: layout.width, height: layout.height, startMicroseconds: 0, title: "motion-test",
                replacing: false)
        self.writer = writer
        try encoder.encode(
            pixels.span, format: .i420, width: layout.width, height: layout.height, quality: Self.quality
        ) { jpeg in
            let bytes = unsafe jpeg.bytes
            return Result { () throws(MediaError) in try writer.write(jpeg: bytes, timestampMicroseconds: time) }
        }.get()
    }

    private func drawMap(_ map: [UInt8], _ frame: LumaFrame, _ layout: PictureLayout) {
        for y in 0..<layout.height {
            for x in 0..<Self.scale * frame.width {
                canvas[y * layout.width + x] = map[y / Self.scale * frame.width + x / Self.scale]
            }
        }
    }

    private func drawDifference(_ frame: LumaFrame, _ layout: PictureLayout, _ detector: borrowing MotionDetector) {
        let size = detector.viewSize
        var difference = [UInt8](repeating: 0, count: size.width * size.height)
        var target = difference.mutableSpan
        guard detector.copyView(into: &target) else { return }
        let (left, wide) = (Self.scale * frame.width, Self.scale * frame.width)
        for y in 0..<layout.height {
            let row = min(y * size.height / layout.height, size.height - 1) * size.width
            for x in 0..<wide {
                canvas[y * layout.width + left + x] = difference[row + min(x * size.width / wide, size.width - 1)]
            }
        }
    }

    /// Draws a red outline of a box on both halves.
    private func draw(_ box: MotionBox, _ frame: LumaFrame, _ layout: PictureLayout) {
        let wide = Double(Self.scale * frame.width)
        let high = Double(layout.height)
        let top = max(0, Int(box.y * high))
        let bottom = min(layout.height - 1, Int((box.y + box.height) * high))
        for offset in [0, Self.scale * frame.width] {
            let left = offset + max(0, Int(box.x * wide))
            let right = offset + min(Self.scale * frame.width - 1, Int((box.x + box.width) * wide))
            guard left <= right, top <= bottom else { continue }
            for x in left...right {
                paint(x, top, layout)
                paint(x, bottom, layout)
            }
            for y in top...bottom {
                paint(left, y, layout)
                paint(right, y, layout)
            }
        }
    }

    private func paint(_ x: Int, _ y: Int, _ layout: PictureLayout) {
        canvas[y * layout.width + x] = 140
        let chromaWidth = (layout.width + 1) / 2
        let chromaCount = chromaWidth * ((layout.height + 1) / 2)
        let chroma = layout.width * layout.height + y / 2 * chromaWidth + x / 2
        canvas[chroma] = Self.red.u
        canvas[chroma + chromaCount] = Self.red.v
    }
}
