/// Frames a second over the last second or so, for display.
struct RecentRate: Sendable {
    private static let window = 32
    /// Microseconds; the oldest are left out past this.
    private static let span: Int64 = 3_000_000

    private var times: [Int64] = []

    mutating func record(_ time: Int64) {
        if times.count == Self.window { times.removeFirst() }
        times.append(time)
        times.removeAll { time - $0 > Self.span || $0 > time }
    }

    var framesPerSecond: Double {
        guard let first = times.first, let last = times.last, last > first else { return 0 }
        return Double(times.count - 1) * 1_000_000 / Double(last - first)
    }
}
