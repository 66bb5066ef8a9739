/// Maps the times in a live stream to the local clock.
///
/// A picture that waited in the network, or while the stream was analysed, arrives late but never early. The stream's
/// time 0 is therefore the earliest "arrival less time in the stream" of the last pictures. A state machine without I/O.
struct StreamClock {
    /// Time for which an arrival counts, microseconds. Clocks of cameras drift by up to 100 µs a second.
    private static let window: Int64 = 20_000_000
    /// Time by which a picture may come ahead of real time before the stream's time counts as changed, microseconds.
    private static let longestJump: Int64 = 5_000_000
    /// Age that no picture exceeds, microseconds.
    private static let longestDelay: Int64 = 30_000_000

    /// The earliest origins in the current and the previous half of the window.
    private var earliest: (current: Int64, previous: Int64)?
    private var halfBegan: Int64 = 0
    /// The last picture.
    private var last: (stream: Int64, arrival: Int64, stamp: Int64)?

    /// Returns the time of capture of a picture: later than that of the picture before, and at most `arrival`.
    ///
    /// - Parameters:
    ///   - stream: its time in the stream, microseconds; `nil` if it has none.
    ///   - arrival: microseconds of a monotonic clock.
    mutating func stamp(stream: Int64?, arrival: Int64) -> Int64 {
        guard let stream else { return record(last?.stream ?? 0, arrival, arrival) }
        let origin = arrival &- stream
        if let last {
            let (streamStep, arrivalStep) = (stream &- last.stream, arrival &- last.arrival)
            // Such times belong to another time line. Pictures that come later than their times were delayed.
            if streamStep < 0 || streamStep &- arrivalStep > Self.longestJump { earliest = nil }
        }
        if let known = earliest, arrival &- halfBegan < Self.window / 2 {
            earliest = (min(known.current, origin), known.previous)
        } else {
            earliest = (origin, earliest?.current ?? origin)
            halfBegan = arrival
        }
        let start = earliest.map { min($0.current, $0.previous) } ?? origin
        let stamp = stream &+ start
        return record(stream, arrival, arrival &- stamp > Self.longestDelay ? arrival : stamp)
    }

    private mutating func record(_ stream: Int64, _ arrival: Int64, _ stamp: Int64) -> Int64 {
        let stamp = max(stamp, last.map { $0.stamp + 1 } ?? .min)
        last = (stream, arrival, stamp)
        return stamp
    }
}
