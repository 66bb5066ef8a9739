import SecamBase

/// What a camera may make its archive do, beyond what credit bounds, over all its runs and connections: a camera that starts
/// again and again gets no more than one that stays.
///
/// It belongs to the loop's thread. Time is an argument.
final class CameraRateLimit {
    /// New events of a camera that are taken at once, and in a second after that: rows of the index are outside of all
    /// quotas.
    private static let eventBurst: Int64 = 512
    private static let microsecondsPerEvent: Int64 = 1_000_000
    /// Microseconds between two links: each asks the index where the camera was.
    private static let linkInterval: Int64 = 1_000_000

    /// May be below 0 by what came on the credit that had been given.
    private var events = CameraRateLimit.eventBurst
    private var refilled: MonotonicTime
    private var nextLink: MonotonicTime

    init(now: MonotonicTime) { (refilled, nextLink) = (now, now) }

    /// New events that may come now.
    func eventsLeft(now: MonotonicTime) -> UInt32 {
        let earned = now.since(refilled) / CameraRateLimit.microsecondsPerEvent
        if earned > 0 {
            refilled = refilled.advanced(byMicroseconds: earned * CameraRateLimit.microsecondsPerEvent)
            events = min(CameraRateLimit.eventBurst, events + earned)
        }
        return UInt32(clamping: events)
    }

    func chargeNewEvent() { events -= 1 }

    /// Whether the camera may be linked now; then not again for a while.
    func takeLink(now: MonotonicTime) -> Bool {
        guard now >= nextLink else { return false }
        nextLink = now.advanced(byMicroseconds: CameraRateLimit.linkInterval)
        return true
    }

    /// Whether it says nothing that a new one would not say.
    func isFull(now: MonotonicTime) -> Bool { eventsLeft(now: now) == CameraRateLimit.eventBurst && now >= nextLink }
}
