import SecamWire
import Testing

@testable import SecamClient

@Suite("The window")
struct WindowTests {
    @Test func `cells fill the window without overlap, for any number of cameras`() {
        for count in 1...30 {
            let cells = GridLayout.cells(count: count, width: 1280, height: 720)
            #expect(cells.count == count)
            for cell in cells {
                #expect(cell.x >= 0 && cell.y >= 0 && cell.x + cell.width <= 1280 && cell.y + cell.height <= 720)
            }
            for (index, cell) in cells.enumerated() {
                for other in cells[(index + 1)...] {
                    let apart =
                        cell.x + cell.width <= other.x || other.x + other.width <= cell.x
                        || cell.y + cell.height <= other.y || other.y + other.height <= cell.y
                    #expect(apart)
                }
            }
        }
        let whole = Rectangle(x: 0, y: 0, width: 1280, height: 720)
        #expect(GridLayout.cells(count: 1, width: 1280, height: 720) == [whole])
        #expect(GridLayout.cells(count: 4, width: 1280, height: 720)[3].x > 600)
        #expect(GridLayout.cells(count: 2, width: 400, height: 900)[1].x == 0)
        #expect(GridLayout.cells(count: 0, width: 1280, height: 720).isEmpty)
    }

    @Test func `pictures keep their aspect ratio`() {
        let cell = Rectangle(x: 10, y: 20, width: 400, height: 300)
        #expect(GridLayout.fit(width: 1280, height: 720, in: cell) == Rectangle(x: 10, y: 57, width: 400, height: 225))
        #expect(GridLayout.fit(width: 300, height: 300, in: cell) == Rectangle(x: 60, y: 20, width: 300, height: 300))
        #expect(GridLayout.fit(width: 16384, height: 1, in: cell).height == 1)
    }

    @Test func `keys change the display mode`() {
        var mode = ViewMode()
        #expect(mode.press("i", count: 4) == .redraw)
        #expect(mode.showsDetails)
        #expect(mode.press("3", count: 4) == .redraw)
        #expect(mode.shown(count: 4) == 2..<3)
        #expect(mode.shown(count: 2) == 0..<2)
        #expect(mode.press("5", count: 4) == .none)
        #expect(mode.press("\u{1B}", count: 4) == .redraw)
        #expect(mode.shown(count: 4) == 0..<4)
        #expect(mode.press("f", count: 4) == .setFullscreen(true))
        #expect(mode.press("f", count: 4) == .setFullscreen(false))
        #expect(mode.press("s", count: 4) == .snapshot)
        #expect(mode.press("q", count: 4) == .quit)
        #expect(mode.press("x", count: 4) == .none)
    }

    @Test func `a frozen picture gets a notice that says since when the camera is offline`() throws {
        var tile = CameraTileState(name: try Name("demo"))
        #expect(tile.notice(.connecting, now: at(0)) == "connecting...")
        #expect(tile.notice(.connected(.viewer), now: at(0)) == "waiting for the camera")
        var camera = try ScriptedGateway.Camera(1, "demo")
        tile.info = camera.listed
        #expect(tile.notice(.connected(.viewer), now: at(0)) == "waiting for a picture")
        tile.picture = Picture(width: 2, height: 2, bytes: [], frame: try frame())
        tile.lastFrame = at(1_000_000)
        #expect(tile.notice(.connected(.viewer), now: at(3_999_999)) == nil)
        #expect(tile.notice(.connected(.viewer), now: at(4_000_000)) == "no picture for 3 s")
        camera.state = .offline
        tile.info = camera.listed
        #expect(tile.notice(.connected(.viewer), now: at(0)) == "offline since 22:13:20 UTC")
        tile.lost = 1_700_000_000_000_000
        #expect(
            tile.notice(.reconnecting(.lost("x")), now: at(0)) == "reconnecting, offline since 22:13:20 UTC")
    }
}
