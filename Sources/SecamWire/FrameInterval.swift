/// The minimum interval of frames, the same for flows, replays and thinning.
package enum FrameInterval {
    /// Tolerance for frames that are early, microseconds: cameras are not exact.
    private static let earliness: Int64 = 4000

    /// Returns whether a frame is due by its capture time. A frame after a step back of the clock is due.
    ///
    /// - Parameter microseconds: the interval; 0 for every frame.
    package static func isDue(_ time: Int64, after last: Int64, every microseconds: Int64) -> Bool {
        time < last || time >= firstDue(after: last, every: microseconds)
    }

    /// Returns the time from which a frame is due, unless the clock steps back.
    package static func firstDue(after last: Int64, every microseconds: Int64) -> Int64 {
        last.addingSaturated(max(0, microseconds - earliness))
    }
}
