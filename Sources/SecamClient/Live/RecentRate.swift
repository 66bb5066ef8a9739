import SecamBase

/// The frame rate of the last frames, for display.
struct RecentRate: Sendable {
    /// Number of frames for the mean.
    private static let window = 32
    /// Older frames do not count.
    private static let span: Duration = .seconds(3)

    /// UTC microseconds.
    private var times: [Int64] = []

    /// - Parameter time: of the frame's reception, UTC microseconds.
    mutating func record(_ time: Int64) {
        if times.count == Self.window { times.removeFirst() }
        times.append(time)
        let span = Self.span.microseconds
        times.removeAll { time - $0 > span || $0 > time }
    }

    var framesPerSecond: Double {
        guard let first = times.first, let last = times.last, last > first else { return 0 }
        return Double(times.count - 1) * 1_000_000 / Double(last - first)
    }
}
