import Glibc
import SecamWire
import Synchronization

/// The newest decoded picture, which the decoder's threads hand to the window's thread.
private final class NewestPicture: Sendable {
    private let stored = Mutex<Picture?>(nil)

    var picture: Picture? { stored.withLock { $0 } }

    func set(_ picture: Picture) { stored.withLock { $0 = picture } }
}

/// The window of a replay: the newest decoded picture, and a line of text below.
final class PlaybackScreen {
    private let camera: Name
    private let canvas: CanvasBox
    private let tile = CameraTile()
    private let newest = NewestPicture()
    private var decoder: LiveDecoder?
    private var isFullscreen = false

    /// A class can hold the canvas, which cannot be copied.
    private final class CanvasBox {
        let canvas: Canvas

        init(title: String) throws(ClientError) { canvas = try Canvas(title: title) }
    }

    init(_ camera: Name) throws(ClientError) {
        self.camera = camera
        canvas = try CanvasBox(title: "secam \(camera)")
        let threads = Int(max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))))
        let newest = newest
        decoder = LiveDecoder(threads: threads) { outcome in
            if case .picture(let picture) = outcome { newest.set(picture) }
        }
    }

    func stop() { decoder?.stop() }

    func nextEvent() -> Canvas.Event? { canvas.canvas.nextEvent() }

    func waitForEvent(timeout: Duration) { canvas.canvas.waitForEvent(timeout: timeout) }

    func toggleFullscreen() {
        isFullscreen.toggle()
        canvas.canvas.setFullscreen(isFullscreen)
    }

    func show(_ frame: ReceivedFrame) { decoder?.offer(frame) }

    func draw(_ status: String, notice: String?) {
        let size = canvas.canvas.size
        let cell = Rectangle(x: 0, y: 0, width: size.width, height: size.height)
        decoder?.setDisplaySize(of: camera, width: cell.width, height: cell.height)
        canvas.canvas.clear()
        tile.draw(newest.picture, lines: ["\(camera)  \(status)"], notice: notice, in: cell, on: canvas.canvas)
        canvas.canvas.present()
    }
}
