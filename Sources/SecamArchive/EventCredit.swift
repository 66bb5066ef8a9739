import SecamBase
import SecamWire

/// The credit of one camera's event flow, and the camera's events that have not ended.
///
/// The credit of an event returns when it is stored, in portions, so that a camera that reports too much does not keep
/// the frames of others from the disk. New events also need the permission of `CameraRateLimit`, since each adds a row
/// to the index.
struct EventCredit {
    /// The maximum number of events that continue at the same time; a camera has far fewer.
    static let ongoingLimit = 64
    private static let returnInterval = Duration.seconds(1)

    /// The number of events that may still arrive.
    private var credit: UInt32 = 0
    /// The credit to return for stored events.
    private var owed: UInt32 = 0
    /// The credit to return for stored new events, when the rate limit permits.
    private var owedForNew: UInt32 = 0
    /// Whether each of the events that are being stored is new.
    private var storing: [Bool] = []
    private var nextReturn = MonotonicTime.now
    /// The first sequence number of each event that has not ended.
    private var ongoing: [UInt64: UInt64] = [:]

    /// Resets the counts for a new flow with this credit.
    mutating func reset(_ credit: UInt32) {
        self.credit = credit
        owed = 0
        owedForNew = 0
        storing = []
    }

    /// Counts an event that has arrived.
    ///
    /// - Returns: whether the event is new, and the number up to which events may be acknowledged: the one before the
    ///   oldest event that has not ended, so that a successor receives the events that continue. `nil` if the credit is
    ///   exceeded.
    mutating func receive(_ message: Event) -> (isNew: Bool, acknowledged: UInt64)? {
        let event = message.event
        let isKnown = ongoing[event.id] != nil
        let isNew = event.state != .end && !isKnown
        guard credit > 0, !isNew || ongoing.count < EventCredit.ongoingLimit else { return nil }
        credit -= 1
        storing.append(!isKnown)
        if event.state == .end { ongoing[event.id] = nil }
        if isNew { ongoing[event.id] = message.sequence }
        return (isNew, ongoing.values.min().map { max($0, 1) - 1 } ?? message.sequence)
    }

    /// Counts the oldest received event as stored.
    mutating func store() {
        if storing.isEmpty || !storing.removeFirst() { owed += 1 } else { owedForNew += 1 }
    }

    /// Returns the credit to return now; `nil` if it is not time yet.
    mutating func due(_ rateLimit: CameraRateLimit, now: MonotonicTime) -> UInt32? {
        guard now >= nextReturn else { return nil }
        let left = rateLimit.eventsLeft(now: now)
        let released = min(owedForNew, left - min(left, credit))
        owedForNew -= released
        owed += released
        return owed
    }

    /// Counts the credit that was due as returned.
    mutating func grantDue(now: MonotonicTime) {
        credit += owed
        owed = 0
        nextReturn = now + EventCredit.returnInterval
    }

    /// Drops the ongoing events, whose ends may have been lost.
    mutating func forgetOngoing() { ongoing = [:] }
}
