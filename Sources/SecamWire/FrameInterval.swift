/// The least time between two frames, as flows, replays and thinning know it.
package enum FrameInterval {
    /// Microseconds by which a frame may be early and still count as due: cameras are not exact.
    private static let earliness: Int64 = 4000

    /// Whether a frame is due, by the times of capture. It is when the clock was set back in between.
    ///
    /// - Parameter microseconds: the interval; 0 for every frame.
    package static func isDue(_ time: Int64, after last: Int64, every microseconds: Int64) -> Bool {
        time < last || time >= firstDue(after: last, every: microseconds)
    }

    /// From when on a frame is due, as long as the clock is not set back.
    package static func firstDue(after last: Int64, every microseconds: Int64) -> Int64 {
        last.addingSaturated(max(0, microseconds - earliness))
    }
}
