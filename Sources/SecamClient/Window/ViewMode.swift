/// The display mode, as the user set it by keys.
struct ViewMode: Equatable, Sendable {
    enum Action: Equatable, Sendable {
        case none
        case redraw
        case setFullscreen(Bool)
        case snapshot
        case quit
    }

    /// Index in the grid of the camera that fills the window; `nil` for the whole grid.
    private(set) var selected: Int?
    private(set) var showsDetails = false
    private(set) var showsMotion: Bool
    private(set) var isFullscreen = false

    init(showsMotion: Bool = false) { self.showsMotion = showsMotion }

    /// - Parameters:
    ///   - key: the key's character, or escape.
    ///   - count: number of cameras in the grid.
    mutating func press(_ key: Unicode.Scalar, count: Int) -> Action {
        switch key {
        case "i": showsDetails.toggle()
        case "m": showsMotion.toggle()
        case "f":
            isFullscreen.toggle()
            return .setFullscreen(isFullscreen)
        case "s": return .snapshot
        case "q": return .quit
        case "0", "\u{1B}": selected = nil
        case "1"..."9":
            let index = Int(key.value - Unicode.Scalar("1").value)
            guard index < count else { return .none }
            selected = index
        default: return .none
        }
        return .redraw
    }

    /// Returns the indices of the cameras on the screen.
    func shown(count: Int) -> Range<Int> {
        if let selected, selected < count { selected..<selected + 1 } else { 0..<count }
    }
}
