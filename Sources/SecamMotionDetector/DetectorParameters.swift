/// The constants of the detector, with their reasons. All cameras share one set; differences between cameras are
/// learned.
///
/// Times are in seconds, lengths in cells, values in levels of 0…255.
struct DetectorParameters: Sendable {
    // MARK: Background

    /// After a longer gap between two maps, the scene may have changed completely.
    var longestGapSeconds: Float = 3
    /// The minimum threshold: compression and rounding change a quiet cell by up to 3 levels, about half of this.
    var baseThreshold: Float = 7
    /// The threshold in mean deviations. Noise exceeds five (four sigma of normal noise) about once in 15 000 cells.
    var deviations: Float = 5
    /// Part of a threshold from which a cell belongs to a region if a neighbour exceeds a whole threshold.
    var weak: Float = 0.6
    /// Time constant of background cells, short enough to follow clouds and dusk.
    var meanSeconds: Float = 4
    /// Time constant of moving objects, which do not become background within a usual visit.
    var moverSeconds: Float = 60
    /// Time constant of resting objects, which become background.
    var stillSeconds: Float = 4
    /// Time constant of regions that are not known to be objects.
    var flickerSeconds: Float = 8
    /// Time constant of a rising deviation. It rises faster than it falls, because wind comes in gusts.
    var deviationRiseSeconds: Float = 4
    var deviationFallSeconds: Float = 10
    /// Time constant of a rising deviation where a region is not an object: restless places are learned quickly.
    var flickerRiseSeconds: Float = 1
    var moverRiseSeconds: Float = 60
    /// Time after a reset in which all differences are learned quickly, because the first map may contain an object.
    var warmSeconds: Float = 1
    /// The first deviation, as a part of the range of a cell's neighbours: leaves have edges.
    var startDeviation: Float = 0.2
    /// Share of the picture above which a difference means that the light or the camera has changed.
    var resetShare: Float = 0.6

    // MARK: Shaking camera

    /// Smaller shifts are ignored: compensating them only blurs the map.
    var leastShift: Float = 0.1
    /// Mean difference from which the map is searched for larger shifts.
    var shakenDifference: Float = 2
    /// Part to which a shift must reduce the difference.
    var shiftGain: Float = 0.75

    // MARK: Regions

    /// Regions with fewer cells are noise.
    var leastCells: Float = 2
    /// Regions with a lower score are noise.
    var leastScore: Float = 4
    /// Maximum number of thresholds that a cell counts, so that a few bright cells do not look like a large object.
    var ratioCap: Float = 4
    /// Regions with fewer cells have too little texture to recognize a change of light.
    var lightCells: Float = 12
    /// Maximum part of the variance that a change of light leaves unexplained by the background.
    var lightResidual: Float = 0.25
    /// Texture of the background, in mean deviations, that is needed to recognize a change of light.
    var lightTexture: Float = 3
    /// Share of the picture with changed light from which its borders, which lack texture, count as changed too.
    var settleShare: Float = 0.04
    /// Time for which they do, about as long as automatic exposure takes.
    var settleSeconds: Float = 0.8

    // MARK: Motion

    /// Part of a threshold by which a moving cell differs from the recent map.
    var movingShare: Float = 0.35
    /// Age of the recent map.
    var recentSeconds: Float = 0.15
    /// Share of moving cells from which a region moves.
    var movedShare: Float = 0.12
    /// Share of the change that is equal in all cells from which it is a change of exposure instead.
    var evenShare: Float = 0.5
    /// Ratio of the outline in the background to that in the map from which a region is a ghost: an object that was
    /// learned and has left.
    var ghostEdgeRatio: Float = 1.3
    var ghostSeconds: Float = 0.3
    /// Time at rest after which an object becomes background.
    var restSeconds: Float = 5
    /// Time at rest after which a region that is not known to be an object becomes background.
    var flickerRestSeconds: Float = 1

    // MARK: Objects

    /// Number of sightings that an object needs.
    var confirmSightings: Float = 3
    /// Time from the first to the last sighting that an object needs.
    var confirmSeconds: Float = 0.18
    /// Share of the maps since its first sighting in which an object must be seen.
    var presence: Float = 0.7
    /// At low rates of maps, two sightings in this time suffice.
    var slowSeconds: Float = 0.35
    /// Share of its sightings in which an object must move.
    var movedSightings: Float = 0.5
    /// Distance that an object must go.
    var confirmDistance: Float = 1
    /// Part of its path that the distance must be, because branches return.
    var straight: Float = 0.4
    /// How much farther an object must go in restless places.
    var restlessDemand: Float = 1
    /// Part of a box's growth that counts as distance.
    var growth: Float = 0.25
    /// Score from which an object need not go any distance, because a person may move without leaving the place.
    var clearScore: Float = 25
    /// Time for which it must have this score.
    var clearSeconds: Float = 0.8
    /// Time without a sighting after which an object is lost: it may pass behind a lamp post.
    var lostSeconds: Float = 0.6
    /// Time without a sighting after which a track that is not known to be an object is lost.
    var flickerLostSeconds: Float = 0.35

    // MARK: Events

    /// Time for which motion is reported after the last movement.
    var holdSeconds: Float = 0.6
    /// Time without motion after which an event ends.
    var quietSeconds: Float = 3
    /// Minimum time between two updates of an event.
    var updateSeconds: Float = 1
}
