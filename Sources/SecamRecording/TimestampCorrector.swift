import SecamBase
import SecamWire

/// Corrects the times that a camera reports if they are far from the archive's own. A recording from a camera whose
/// clock is wrong, or that lies, can then be found at the time at which it was made.
///
/// A state machine without I/O. All times are UTC microseconds.
package struct TimestampCorrector: Sendable {
    /// The greatest time by which a camera's clock may be ahead of the archive's.
    package static let aheadLimit = Duration.seconds(3600)
    /// The greatest age of a frame from a camera's ring or spool.
    package static let behindLimit = Duration.seconds(30 * 86_400)

    /// Microseconds added to the camera's times; 0 while they are near the archive's.
    package private(set) var shift: Int64 = 0
    /// The number of times that were corrected.
    package private(set) var corrected: UInt64 = 0

    package init() {}

    /// Returns the time itself if it is near one of the archive's times. Otherwise returns the previous corrected time,
    /// plus the distance that the camera reports.
    ///
    /// - Parameter own: the archive's times for the present: the wall clock, which may be wrong for a moment, and its
    ///   expected reading. Not empty.
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
            return ahead <= Self.aheadLimit.microseconds && ahead >= -Self.behindLimit.microseconds
        }
    }
}
