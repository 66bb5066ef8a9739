import SecamWire

/// The window of a live session. It runs on the main thread, as SDL requires.
struct LiveWindow: ~Copyable {
    /// Redraw interval without events, for the times that the window shows.
    private static let idleRedrawInterval: Duration = .milliseconds(500)

    private let session: LiveSession
    private let wake: WindowWake
    private let showMessage: (String) -> Void
    private let canvas: Canvas
    private var mode: ViewMode
    private var tiles: [Name: CameraTile] = [:]

    init(
        session: LiveSession, wake: WindowWake, title: String, showsMotion: Bool,
        showMessage: @escaping (String) -> Void
    ) throws(ClientError) {
        canvas = try Canvas(title: title)
        mode = ViewMode(showsMotion: showsMotion)
        self.session = session
        self.wake = wake
        self.showMessage = showMessage
    }

    /// Shows the session until it ends. Other threads may signal the window even after this returns, so they must end
    /// before the window does.
    mutating func run() {
        while session.outcome == nil {
            wake.clear()
            draw()
            canvas.waitForEvent(timeout: Self.idleRedrawInterval)
            while let event = canvas.nextEvent() {
                switch event {
                case .quit: session.end(.done)
                case .key(let key): press(key)
                case .arrow, .other: break
                }
            }
        }
        // SDL requires that textures are freed before their renderer.
        tiles = [:]
    }

    private mutating func press(_ key: Unicode.Scalar) {
        switch mode.press(key, count: session.cameras.count) {
        case .none, .redraw: break
        case .setFullscreen(let isFullscreen): canvas.setFullscreen(isFullscreen)
        case .snapshot: saveSnapshots()
        case .quit: session.end(.done)
        }
    }

    /// Saves one file for each camera on the screen, in the working directory.
    private func saveSnapshots() {
        let cameras = session.cameras
        for index in mode.shown(count: cameras.count) {
            guard let frame = cameras[index].picture?.frame else { continue }
            let path = "\(frame.camera)-\(UTC.fileStamp(frame.header.timestamp)).jpg"
            do {
                try FileIO.create(path, frame.picture, replacing: false)
                showMessage("saved \(path)")
            } catch {
                showMessage("\(error)")
            }
        }
    }

    private mutating func draw() {
        let cameras = session.cameras
        let connection = session.connection
        let size = canvas.size
        canvas.clear()
        let shown = mode.shown(count: cameras.count)
        let cells = GridLayout.cells(count: shown.count, width: size.width, height: size.height)
        for index in cameras.indices where !shown.contains(index) {
            session.setDisplaySize(of: cameras[index].name, width: 0, height: 0)
        }
        for (index, cell) in zip(shown, cells) {
            let camera = cameras[index]
            let tile = tiles[camera.name] ?? CameraTile()
            tiles[camera.name] = tile
            session.setDisplaySize(of: camera.name, width: cell.width, height: cell.height)
            tile.draw(camera, connection, in: cell, on: canvas, mode)
        }
        if cameras.isEmpty {
            let text = connection == .connecting ? "connecting..." : "no cameras yet"
            CameraTile.drawCentred(text, in: Rectangle(x: 0, y: 0, width: size.width, height: size.height), on: canvas)
        }
        canvas.present()
    }
}
