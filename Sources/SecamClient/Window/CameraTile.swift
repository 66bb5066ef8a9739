import SecamBase
import SecamProcess
import SecamWire

/// One camera's cell in the window: the last picture, the camera's name, and a notice.
final class CameraTile {
    private var texture: VideoTexture?
    private weak var uploaded: Picture?

    func draw(
        _ camera: CameraTileState, _ connection: ConnectionState, in cell: Rectangle, on canvas: borrowing Canvas,
        _ mode: ViewMode
    ) {
        let now = MonotonicTime.now
        let notice = camera.notice(connection, now: now)
        if let picture = camera.picture {
            upload(picture, on: canvas)
            let target = GridLayout.fit(width: picture.width, height: picture.height, in: cell)
            if let texture { canvas.draw(texture, in: target, isDimmed: notice != nil) }
            if mode.showsMotion {
                for box in camera.motion.boxes(now: now) { canvas.drawOutline(Self.place(box, in: target)) }
            }
        }
        drawLabels(camera, in: cell, on: canvas, showsDetails: mode.showsDetails)
        if let notice { Self.drawCentred(notice, in: cell, on: canvas) }
    }

    /// Returns the place on the screen of a box in a picture.
    static func place(_ box: CameraEvent.Box, in target: Rectangle) -> Rectangle {
        func scaled(_ part: UInt16, _ length: Int) -> Int { Int(part) * length / Int(UInt16.max) }
        return Rectangle(
            x: target.x + scaled(box.x, target.width), y: target.y + scaled(box.y, target.height),
            width: scaled(box.width, target.width), height: scaled(box.height, target.height))
    }

    /// Draws a recorded picture with lines of text below.
    func draw(_ picture: Picture?, lines: [String], notice: String?, in cell: Rectangle, on canvas: borrowing Canvas) {
        if let picture {
            upload(picture, on: canvas)
            let target = GridLayout.fit(width: picture.width, height: picture.height, in: cell)
            if let texture { canvas.draw(texture, in: target, isDimmed: notice != nil) }
        }
        draw(lines, in: cell, on: canvas)
        if let notice { Self.drawCentred(notice, in: cell, on: canvas) }
    }

    private func upload(_ picture: Picture, on canvas: borrowing Canvas) {
        guard uploaded !== picture else { return }
        if texture?.width != picture.width || texture?.height != picture.height {
            texture = VideoTexture(on: canvas, width: picture.width, height: picture.height)
        }
        texture?.update(picture)
        uploaded = picture
    }

    private func drawLabels(
        _ camera: CameraTileState, in cell: Rectangle, on canvas: borrowing Canvas, showsDetails: Bool
    ) {
        draw([camera.name.text] + (showsDetails ? camera.details() : []), in: cell, on: canvas)
    }

    private func draw(_ lines: [String], in cell: Rectangle, on canvas: borrowing Canvas) {
        let scale = Self.scale(of: cell)
        let heights = lines.map { Canvas.size(of: $0, scale: scale).height }
        // At the bottom, since cameras that write a clock into their pictures do so at the top.
        var y = cell.y + cell.height - heights.reduce(0, +)
        for (line, height) in zip(lines, heights) {
            canvas.draw(line, x: cell.x, y: y, scale: scale)
            y += height
        }
    }

    static func drawCentred(_ text: String, in cell: Rectangle, on canvas: borrowing Canvas) {
        let wanted = scale(of: cell) + 1
        // A text that does not fit gets a smaller font.
        let scale = (1...wanted).last { Canvas.size(of: text, scale: $0).width <= cell.width } ?? 1
        let size = Canvas.size(of: text, scale: scale)
        canvas.draw(
            text, x: cell.x + (cell.width - size.width) / 2, y: cell.y + (cell.height - size.height) / 2, scale: scale)
    }

    /// Returns the font's scale, in pixels a dot: text fits into small cells and is legible in large ones.
    private static func scale(of cell: Rectangle) -> Int { max(1, min(3, cell.width / 300)) }
}
