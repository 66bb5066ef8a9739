import CSDL
import SecamBase
import SecamPicture

/// An SDL window with its renderer. It has one owner, on the main thread.
@safe
struct Canvas: ~Copyable {
    private static let defaultSize = (width: Int32(1280), height: Int32(720))

    private let window: OpaquePointer
    private let renderer: OpaquePointer

    /// - Throws: `window`, when there is no display.
    init(title: String) throws(ClientError) {
        SDL_SetMainReady()
        // The program handles signals itself, and a viewer must not keep the screen saver from starting.
        unsafe SDL_SetHint(SDL_HINT_NO_SIGNAL_HANDLERS, "1")
        unsafe SDL_SetHint(SDL_HINT_VIDEO_ALLOW_SCREENSAVER, "1")
        unsafe SDL_SetHint(SDL_HINT_RENDER_SCALE_QUALITY, "1")
        guard SDL_Init(SDL_INIT_VIDEO) == 0 else { throw Self.error("open a window") }
        guard Self.isVisible else {
            SDL_Quit()
            throw .window(operation: "open a window", reason: "there is no display")
        }
        let flags = SDL_WINDOW_RESIZABLE.rawValue | SDL_WINDOW_ALLOW_HIGHDPI.rawValue
        guard
            let window = unsafe SDL_CreateWindow(
                title, secam_SDL_WINDOWPOS_CENTERED, secam_SDL_WINDOWPOS_CENTERED, Self.defaultSize.width,
                Self.defaultSize.height, flags)
        else {
            let error = Self.error("open a window")
            SDL_Quit()
            throw error
        }
        let made =
            unsafe SDL_CreateRenderer(window, -1, SDL_RENDERER_PRESENTVSYNC.rawValue)
            ?? SDL_CreateRenderer(window, -1, SDL_RENDERER_SOFTWARE.rawValue)
        guard let made = unsafe made else {
            let error = Self.error("draw in a window")
            unsafe SDL_DestroyWindow(window)
            SDL_Quit()
            throw error
        }
        unsafe self.window = window
        unsafe renderer = made
        // JPEG has the full range of BT.601.
        SDL_SetYUVConversionMode(SDL_YUV_CONVERSION_JPEG)
        unsafe SDL_SetRenderDrawBlendMode(renderer, SDL_BLENDMODE_BLEND)
    }

    deinit {
        unsafe SDL_DestroyRenderer(renderer)
        unsafe SDL_DestroyWindow(window)
        SDL_Quit()
    }

    /// Without a display, SDL may fall back to a driver that draws into memory. That is useful only to a user who chose
    /// the driver.
    private static var isVisible: Bool {
        let driver = unsafe String(cString: SDL_GetCurrentVideoDriver())
        return unsafe !["offscreen", "dummy"].contains(driver) || SDL_getenv("SDL_VIDEODRIVER") != nil
    }

    static func error(_ operation: String) -> ClientError {
        .window(operation: operation, reason: unsafe String(cString: SDL_GetError()))
    }

    enum Event {
        case quit
        case key(Unicode.Scalar)
        case arrow(Arrow)
        case other
    }

    enum Arrow {
        case left, right, up, down
    }

    /// Waits for an event, at most for `timeout`.
    func waitForEvent(timeout: Duration) {
        SDL_WaitEventTimeout(nil, Int32(clamping: timeout.milliseconds))
    }

    /// Returns the next event; `nil` when there is none at present.
    func nextEvent() -> Event? {
        var event = unsafe SDL_Event()
        guard unsafe SDL_PollEvent(&event) == 1 else { return nil }
        switch unsafe SDL_EventType(event.type) {
        case SDL_QUIT: return .quit
        case SDL_KEYDOWN where unsafe Self.arrow(event.key.keysym.scancode) != nil:
            // An arrow key repeats while it is held down.
            return unsafe Self.arrow(event.key.keysym.scancode).map { .arrow($0) } ?? .other
        case SDL_KEYDOWN where unsafe event.key.`repeat` == 0:
            return unsafe Unicode.Scalar(UInt32(bitPattern: event.key.keysym.sym)).map { .key($0) } ?? .other
        default: return .other
        }
    }

    private static func arrow(_ code: SDL_Scancode) -> Arrow? {
        switch code {
        case SDL_SCANCODE_LEFT: .left
        case SDL_SCANCODE_RIGHT: .right
        case SDL_SCANCODE_UP: .up
        case SDL_SCANCODE_DOWN: .down
        default: nil
        }
    }

    /// The drawable size in pixels.
    var size: (width: Int, height: Int) {
        var width: Int32 = 0
        var height: Int32 = 0
        unsafe SDL_GetRendererOutputSize(renderer, &width, &height)
        return (Int(width), Int(height))
    }

    func setFullscreen(_ isFullscreen: Bool) {
        unsafe SDL_SetWindowFullscreen(window, isFullscreen ? SDL_WINDOW_FULLSCREEN_DESKTOP.rawValue : 0)
    }

    func clear() {
        unsafe SDL_SetRenderDrawColor(renderer, 16, 16, 18, 255)
        unsafe SDL_RenderClear(renderer)
    }

    func present() {
        unsafe SDL_RenderPresent(renderer)
    }

    func withRenderer<Result>(_ body: (OpaquePointer) -> Result) -> Result {
        unsafe body(renderer)
    }

    func draw(_ texture: VideoTexture, in rectangle: Rectangle, isDimmed: Bool) {
        unsafe texture.withTexture { texture in
            let light: UInt8 = isDimmed ? 80 : 255
            unsafe SDL_SetTextureColorMod(texture, light, light, light)
            var target = SDL_Rect(rectangle)
            unsafe SDL_RenderCopy(renderer, texture, nil, &target)
        }
    }

    /// Draws a yellow outline with black borders, which is visible on any picture.
    func drawOutline(_ rectangle: Rectangle) {
        for (inset, color) in [(0, (0, 0, 0)), (1, (255, 208, 0)), (2, (255, 208, 0)), (3, (0, 0, 0))] {
            var outline = SDL_Rect(
                Rectangle(
                    x: rectangle.x + inset, y: rectangle.y + inset, width: max(1, rectangle.width - 2 * inset),
                    height: max(1, rectangle.height - 2 * inset)))
            unsafe SDL_SetRenderDrawColor(renderer, UInt8(color.0), UInt8(color.1), UInt8(color.2), 255)
            unsafe SDL_RenderDrawRect(renderer, &outline)
        }
    }

    /// Draws one line of white text on a dark bar, with its upper left corner at (`x`, `y`).
    func draw(_ text: String, x: Int, y: Int, scale: Int) {
        let size = Glyphs.size(of: text, scale: scale)
        let margin = 3 * scale
        var bar = SDL_Rect(Rectangle(x: x, y: y, width: size.width + 2 * margin, height: size.height + margin))
        unsafe SDL_SetRenderDrawColor(renderer, 0, 0, 0, 160)
        unsafe SDL_RenderFillRect(renderer, &bar)
        var runs: [SDL_Rect] = []
        Glyphs.forEachRun(in: text, x: x + margin, y: y + margin, scale: scale) { run in
            runs.append(SDL_Rect(Rectangle(x: run.x, y: run.y, width: run.width, height: run.height)))
        }
        unsafe SDL_SetRenderDrawColor(renderer, 255, 255, 255, 255)
        unsafe SDL_RenderFillRects(renderer, runs, Int32(runs.count))
    }

    /// Returns the size in pixels that `draw(_:x:y:scale:)` covers.
    static func size(of text: String, scale: Int) -> (width: Int, height: Int) {
        let size = Glyphs.size(of: text, scale: scale)
        return (size.width + 6 * scale, size.height + 3 * scale)
    }
}

extension SDL_Rect {
    init(_ rectangle: Rectangle) {
        self.init(
            x: Int32(rectangle.x), y: Int32(rectangle.y), w: Int32(rectangle.width), h: Int32(rectangle.height))
    }
}
