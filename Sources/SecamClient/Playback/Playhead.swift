import SecamBase

/// The position of a replay, which moves with the clock. It does no I/O; time is an argument. Recorded times are UTC
/// microseconds.
struct Playhead: Sendable {
    static let speeds = [0.25, 0.5, 1, 2, 4, 8, 16, 32]
    /// A replay jumps over a longer pause between two frames.
    static let longestPause: Duration = .seconds(1)

    private(set) var speed: Double
    private(set) var isPaused = false
    /// A recorded time, and the time of the clock at which it was or will be shown.
    private var anchor: (recorded: Int64, clock: MonotonicTime)

    init(at time: Int64, speed: Double, now: MonotonicTime) {
        self.speed = speed
        anchor = (time, now)
    }

    /// Returns the recorded time to show now.
    func time(_ now: MonotonicTime) -> Int64 {
        guard !isPaused else { return anchor.recorded }
        return anchor.recorded + Int64(Double((now - anchor.clock).microseconds) * speed)
    }

    mutating func move(to time: Int64, _ now: MonotonicTime) { anchor = (time, now) }

    mutating func setPaused(_ isPaused: Bool, _ now: MonotonicTime) {
        anchor = (time(now), now)
        self.isPaused = isPaused
    }

    mutating func setSpeed(_ speed: Double, _ now: MonotonicTime) {
        anchor = (time(now), now)
        self.speed = speed
    }

    /// Returns whether to show a frame now. When the frame lies behind a long pause, the replay jumps to it.
    mutating func isDue(_ frame: Int64, _ now: MonotonicTime) -> Bool {
        guard !isPaused else { return false }
        if frame - time(now) > Int64(Double(Self.longestPause.microseconds) * max(1, speed)) { move(to: frame, now) }
        return frame <= time(now)
    }

    /// Returns the next faster or slower speed.
    func speed(faster: Bool) -> Double {
        faster ? Self.speeds.first { $0 > speed } ?? speed : Self.speeds.last { $0 < speed } ?? speed
    }
}
