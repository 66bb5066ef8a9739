/// The constants of the detector, each with the reason for it. One set holds for every camera.
struct Tuning: Sendable {
    // Background
    var longestGap: Float = 3
    var baseThreshold: Float = 7
    var deviations: Float = 5
    var weak: Float = 0.6
    var meanSeconds: Float = 4
    var moverSeconds: Float = 60
    var stillSeconds: Float = 4
    var flickerSeconds: Float = 8
    var deviationUp: Float = 4
    var deviationDown: Float = 10
    var flickerUp: Float = 1
    var moverUp: Float = 60
    var warmSeconds: Float = 1.0
    var startDeviation: Float = 0.2
    var adoptShare: Float = 0.6
    var fastSeconds: Float = 0.15
    var leastShift: Float = 0.1
    var settleShare: Float = 0.04
    var settleSeconds: Float = 0.8
    var straight: Float = 0.4
    var shakenDifference: Float = 2
    var shiftGain: Float = 0.75
    var presence: Float = 0.7
    var ghost: Float = 1.3
    var evenShare: Float = 0.5
    var ghostAfter: Float = 0.3
    var growth: Float = 0.25
    var quietSeconds: Float = 3
    var updateSeconds: Float = 1
    var clearSeconds: Float = 0.8
    var movingShare: Float = 0.35
    // Regions
    var leastCells: Float = 2
    var leastScore: Float = 4
    var ratioCap: Float = 4
    var lightCells: Float = 12
    var lightResidual: Float = 0.25
    var lightTexture: Float = 3
    // Tracks
    var confirmSeconds: Float = 0.18
    var confirmHits: Float = 3
    var confirmDistance: Float = 1.0
    var clearScore: Float = 25
    var holdSeconds: Float = 0.6
    var stillAfter: Float = 5
    var lostSeconds: Float = 0.6
    var movedShare: Float = 0.12
    var restlessDemand: Float = 1
}
