import SecamBase

/// The times at which the pictures of a recorded video are due: at their distances in the video where these are sane,
/// at the usual distance where not. A state machine without I/O.
struct PlaybackClock {
    /// Distance between two pictures beyond which the video's time jumped.
    private static let longestDistance: Duration = .seconds(10)

    /// The usual distance between two pictures, from the video's frame rate at first.
    private var usual: Duration
    /// The distances in the video do not count, because the user set a rate.
    private let isFixed: Bool
    /// How far pictures may come ahead of their time: 0 for a file, more for a stream that sends its buffer at first.
    private let lead: Duration
    /// When the last picture was due, and its time in the video.
    private var last: (due: MonotonicTime, time: Duration?)?

    init(framesPerSecond: Double, isFixed: Bool, lead: Duration = .zero) {
        usual = Duration.seconds(1) / framesPerSecond
        self.isFixed = isFixed
        self.lead = lead
    }

    /// Returns when the next picture is due.
    ///
    /// - Parameters:
    ///   - time: its time in the video; `nil` if it has none.
    mutating func due(_ time: Duration?, now: MonotonicTime) -> MonotonicTime {
        guard let last else {
            self.last = (now, time)
            return now
        }
        var due = last.due + distance(from: last.time, to: time)
        // After a suspension of the whole machine, or a slow network, playback continues instead of catching up.
        if now - due > Pacing.longestDelay { due = now }
        self.last = (due, time)
        return due + (.zero - lead)
    }

    /// Continues at the start of the video.
    mutating func restart() {
        if let last { self.last = (last.due, nil) }
    }

    private mutating func distance(from last: Duration?, to time: Duration?) -> Duration {
        guard !isFixed, let last, let time, time > last, time - last <= Self.longestDistance else { return usual }
        usual = usual * 0.9 + (time - last) * 0.1
        return time - last
    }
}
