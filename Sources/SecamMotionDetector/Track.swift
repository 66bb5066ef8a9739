/// A region followed from map to map.
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
    /// The box of the first sighting.
    var firstLeft: Float = 0
    var firstTop: Float = 0
    var firstRight: Float = 0
    var firstBottom: Float = 0
    /// Capture times of the first and last sighting, and of the last one in motion, microseconds.
    var firstSeen: Int64 = 0
    var lastSeen: Int64 = 0
    var lastMoved: Int64 = 0
    /// Number of maps with a sighting, and with one in motion.
    var sightings: Float = 0
    var movedSightings: Float = 0
    /// Number of maps since the first sighting.
    var maps: Float = 0
    /// Mean deviation of the background at its place.
    var restless: Float = 0
    var score: Float = 0
    var meanScore: Float = 0
    /// Largest distance from the first sighting.
    var distance: Float = 0
    /// Length of the path of its centre.
    var path: Float = 0
    /// It is an object.
    var isConfirmed = false
    /// It was seen in the last map.
    var isSeen = false

    /// Area of the box, cells.
    var area: Float { (right - left + 1) * (bottom - top + 1) }

    func isMoving(at now: Int64, _ parameters: DetectorParameters) -> Bool {
        isActive && isConfirmed && Float(now - lastMoved) / 1e6 < parameters.holdSeconds
    }
}
