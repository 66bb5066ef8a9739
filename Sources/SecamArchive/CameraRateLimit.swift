import SecamBase

/// Limits the new events and the connections of one camera. The limit spans all incarnations and connections, so that a
/// camera that restarts repeatedly gains nothing.
///
/// It belongs to the loop's thread. Time is an argument.
final class CameraRateLimit {
    /// The number of new events accepted at once. No quota covers rows of the index.
    private static let eventBurst: Int64 = 512
    /// The time after which another new event is accepted.
    private static let eventInterval = Duration.seconds(1)
    /// The time between two connections, since each one queries the index.
    private static let connectionInterval = Duration.seconds(1)

    /// The number of new events that may arrive. Below 0 if credit was granted for more.
    private var events = CameraRateLimit.eventBurst
    private var refilled: MonotonicTime
    private var nextConnection: MonotonicTime

    init(now: MonotonicTime) { (refilled, nextConnection) = (now, now) }

    /// Returns the number of new events that may arrive now.
    func eventsLeft(now: MonotonicTime) -> UInt32 {
        let earned = (now - refilled).microseconds / CameraRateLimit.eventInterval.microseconds
        if earned > 0 {
            refilled = refilled + CameraRateLimit.eventInterval * earned
            events = min(CameraRateLimit.eventBurst, events + earned)
        }
        return UInt32(clamping: events)
    }

    func chargeNewEvent() { events -= 1 }

    /// Charges a connection. Returns whether the limit permits it now.
    func chargeConnection(now: MonotonicTime) -> Bool {
        guard now >= nextConnection else { return false }
        nextConnection = now + CameraRateLimit.connectionInterval
        return true
    }

    /// Whether the limit is in the same state as a new one.
    func isFull(now: MonotonicTime) -> Bool {
        eventsLeft(now: now) == CameraRateLimit.eventBurst && now >= nextConnection
    }
}
