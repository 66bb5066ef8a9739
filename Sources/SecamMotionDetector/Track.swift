/// One thing that differs from the background, followed from map to map.
struct Track {
    var isActive = false
    var left: Float = 0
    var top: Float = 0
    var right: Float = 0
    var bottom: Float = 0
    var centerX: Float = 0
    var centerY: Float = 0
    /// Cells a second.
    var speedX: Float = 0
    var speedY: Float = 0
    /// The box at first.
    var firstLeft: Float = 0
    var firstTop: Float = 0
    var firstRight: Float = 0
    var firstBottom: Float = 0
    /// Microseconds: when it was first seen, last seen, and last seen moving.
    var born: Int64 = 0
    var seen: Int64 = 0
    var moved: Int64 = 0
    /// In how many maps it was seen, and seen moving.
    var hits: Float = 0
    var movedHits: Float = 0
    /// How many maps there were since it was first seen.
    var looks: Float = 0
    /// The mean deviation of the background where it is.
    var restless: Float = 0
    var score: Float = 0
    var meanScore: Float = 0
    /// The farthest that it has been from where it was first.
    var distance: Float = 0
    /// The way that its centre has gone.
    var path: Float = 0
    var isConfirmed = false
    /// Whether it was seen with the last map.
    var isSeen = false

    /// Of its box, in cells.
    var area: Float { (right - left + 1) * (bottom - top + 1) }

    func isMoving(at now: Int64, _ tuning: DetectorParameters) -> Bool {
        isActive && isConfirmed && Float(now - moved) / 1e6 < tuning.holdSeconds
    }
}
