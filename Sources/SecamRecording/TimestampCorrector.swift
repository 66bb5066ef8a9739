import SecamWire

/// Keeps the times that a camera tells near the archive's own, so that a camera whose clock is wrong, or that lies, is
/// recorded under a time at which people look for it.
///
/// A state machine without I/O. All times are UTC microseconds.
package struct TimestampCorrector: Sendable {
    /// A camera's clock may be ahead of the archive's by this much, in microseconds.
    package static let aheadLimit: Int64 = 3_600_000_000
    /// What comes late from a camera's ring may be this old, in microseconds.
    package static let behindLimit: Int64 = 30 * 86_400_000_000

    /// What is added to the camera's times; 0 while they are near.
    package private(set) var shift: Int64 = 0
    /// Times that were corrected.
    package private(set) var corrected: UInt64 = 0

    package init() {}

    /// The time itself when it is near one of the archive's times; else one that is as far from the corrected one
    /// before it as the camera says.
    ///
    /// - Parameter own: what the archive takes for now: its wall clock, which may be wrong for a moment, and what that
    ///   is expected to say. Not empty.
    package mutating func correct(_ time: Int64, near own: [Int64]) -> Int64 {
        if isNear(time, own) {
            shift = 0
            return time
        }
        corrected += 1
        var result = time.addingSaturated(shift)
        if shift == 0 || !isNear(result, own) {
            shift = own[0].subtractingSaturated(time)
            result = own[0]
        }
        return result
    }

    private func isNear(_ time: Int64, _ own: [Int64]) -> Bool {
        own.contains { now in
            let ahead = time.subtractingSaturated(now)
            return ahead <= Self.aheadLimit && ahead >= -Self.behindLimit
        }
    }
}
