/// Where a replay is, as the clock goes on. Without I/O: time is an argument.
struct Playhead: Sendable {
    static let speeds = [0.25, 0.5, 1, 2, 4, 8, 16, 32]
    /// Microseconds of nothing that are passed over instead of being waited for.
    static let patience: Int64 = 1_000_000

    private(set) var speed: Double
    private(set) var isPaused = false
    /// The recorded time, UTC microseconds, at a moment of the monotonic clock.
    private var anchor: (recorded: Int64, clock: Int64)

    init(at time: Int64, speed: Double, now: Int64) {
        self.speed = speed
        anchor = (time, now)
    }

    /// The recorded time that is to be seen now.
    func time(_ now: Int64) -> Int64 {
        guard !isPaused else { return anchor.recorded }
        return anchor.recorded + Int64(Double(now - anchor.clock) * speed)
    }

    mutating func move(to time: Int64, _ now: Int64) { anchor = (time, now) }

    mutating func pause(_ isPaused: Bool, _ now: Int64) {
        anchor = (time(now), now)
        self.isPaused = isPaused
    }

    mutating func setSpeed(_ speed: Double, _ now: Int64) {
        anchor = (time(now), now)
        self.speed = speed
    }

    /// Whether a frame is to be shown now. One that lies far ahead, behind what was not recorded, is gone to at once.
    mutating func isDue(_ frame: Int64, _ now: Int64) -> Bool {
        guard !isPaused else { return false }
        if frame - time(now) > Int64(Double(Playhead.patience) * max(1, speed)) { move(to: frame, now) }
        return frame <= time(now)
    }

    /// The next faster or slower speed.
    func speed(faster: Bool) -> Double {
        faster ? Self.speeds.first { $0 > speed } ?? speed : Self.speeds.last { $0 < speed } ?? speed
    }
}
