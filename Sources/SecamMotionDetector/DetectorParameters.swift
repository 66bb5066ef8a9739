/// The constants of the detector with their reasons. One set holds for every camera; what cameras differ in is learned.
/// Times are in seconds, lengths in cells, values in levels of 0…255.
struct DetectorParameters: Sendable {
    // MARK: The background

    /// After a longer gap nobody knows what the scene was like meanwhile.
    var longestGap: Float = 3
    /// Compression and rounding change a quiet cell by up to 3 levels; twice that is a change.
    var baseThreshold: Float = 7
    /// Values stray by five mean deviations (four sigma of normal noise) about once in 15 000 cells.
    var deviations: Float = 5
    /// Cells that differ by this part of a threshold belong to a region when a neighbour differs by a whole one.
    var weak: Float = 0.6
    /// How fast clouds and dusk are followed.
    var meanSeconds: Float = 4
    /// Whoever moves about does not become background within a usual visit.
    var moverSeconds: Float = 60
    /// What has come to rest does.
    var stillSeconds: Float = 4
    var flickerSeconds: Float = 8
    /// The deviation rises faster than it falls: wind comes in gusts.
    var deviationUp: Float = 4
    var deviationDown: Float = 10
    /// What differs and is no object is a restless place: learned at once, forgotten slowly.
    var flickerUp: Float = 1
    var moverUp: Float = 60
    /// For so long after a new start what differs is learned quickly: an object may be in the first picture.
    var warmSeconds: Float = 1
    /// At first, cells are taken to stray by this part of what lies between their neighbours: leaves have edges.
    var startDeviation: Float = 0.2
    /// When more of the picture differs, it is the light or the camera that has changed.
    var adoptShare: Float = 0.6

    // MARK: The camera's shaking

    /// Smaller shifts are not worth the blur of undoing them.
    var leastShift: Float = 0.1
    /// Only pictures that differ by so much on average are searched for larger shifts.
    var shakenDifference: Float = 2
    /// A shift must bring the difference down to this part.
    var shiftGain: Float = 0.75

    // MARK: Regions

    /// Smaller and fainter ones are noise.
    var leastCells: Float = 2
    var leastScore: Float = 4
    /// Thresholds that a cell counts at most: few bright cells are not a large object.
    var ratioCap: Float = 4
    /// A region of fewer cells has too little texture to tell light by.
    var lightCells: Float = 12
    /// Light leaves at most this part of the variance unexplained by the background.
    var lightResidual: Float = 0.25
    /// The background's texture must be so many mean deviations strong to tell.
    var lightTexture: Float = 3
    /// When light has changed in this part of the picture, its borders (too plain to tell) have changed as well.
    var settleShare: Float = 0.04
    /// For how long: automatic exposure takes about so long.
    var settleSeconds: Float = 0.8

    // MARK: Motion

    /// A cell moves when it differs by this part of a threshold from how it was so long ago.
    var movingShare: Float = 0.35
    var recentSeconds: Float = 0.15
    /// A region moves when this part of its cells do.
    var movedShare: Float = 0.12
    /// Unless this part of the change is the same in all cells.
    var evenShare: Float = 0.5
    /// What was learned and has gone leaves its outline in the background, so many times the picture's.
    var ghost: Float = 1.3
    var ghostAfter: Float = 0.3
    /// Objects that rest for longer become background.
    var stillAfter: Float = 5
    /// Regions that rest before they are known to be objects, too.
    var flickerStillAfter: Float = 1

    // MARK: Objects

    /// Something is an object when it was seen so often, for so long, and in this part of the maps meanwhile …
    var confirmHits: Float = 3
    var confirmSeconds: Float = 0.18
    var presence: Float = 0.7
    /// … at few maps a second twice in this time …
    var slowSeconds: Float = 0.35
    /// … moving in this part of them …
    var movedHits: Float = 0.5
    /// … and has gone so far, not much less straight than this: branches return. Farther in restless places.
    var confirmDistance: Float = 1
    var straight: Float = 0.4
    var restlessDemand: Float = 1
    /// How much growing counts as going.
    var growth: Float = 0.25
    /// Or it stands out for long: somebody may move without leaving the place.
    var clearScore: Float = 25
    var clearSeconds: Float = 0.8
    /// For how long objects are waited for behind a lamp post, and what is not known to be one yet.
    var lostSeconds: Float = 0.6
    var flickerLostSeconds: Float = 0.35

    // MARK: Events

    /// Motion is told for so long after the last.
    var holdSeconds: Float = 0.6
    /// A visit ends when nothing has moved for so long.
    var quietSeconds: Float = 3
    var updateSeconds: Float = 1
}
