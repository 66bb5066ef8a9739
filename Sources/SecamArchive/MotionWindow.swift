import SecamBase
import SecamWire

/// The time span in which a camera that is recorded on motion is recorded, from its events. A state machine without
/// I/O.
///
/// All times are UTC microseconds.
struct MotionWindow: Sendable, Equatable {
    /// The events that have not ended.
    private var ongoing: Set<UInt64> = []
    /// The beginning; `nil` without an event.
    private(set) var from: Int64?
    /// The end; meaningful once all events have ended.
    private(set) var until: Int64?

    private var preRoll: Duration
    private var postRoll: Duration

    init(preRoll: Duration, postRoll: Duration) {
        self.preRoll = preRoll
        self.postRoll = postRoll
    }

    /// Whether the camera is to be recorded.
    var isOpen: Bool { from != nil }

    mutating func handle(_ event: CameraEvent) {
        let start = event.start - preRoll.microseconds
        from = min(from ?? start, start)
        if event.state == .end {
            ongoing.remove(event.id)
            until = max(until ?? .min, event.last + postRoll.microseconds)
        } else {
            ongoing.insert(event.id)
        }
    }

    /// Whether all events have ended, and a time is after the end.
    func isOver(at time: Int64) -> Bool {
        guard ongoing.isEmpty, let until else { return false }
        return time > until
    }

    /// Changes the margins for future events. The present span stays.
    mutating func change(preRoll: Duration, postRoll: Duration) {
        self.preRoll = preRoll
        self.postRoll = postRoll
    }

    /// Ends all events, because their ends may have been lost.
    mutating func endAll(at time: Int64) {
        guard !ongoing.isEmpty else { return }
        ongoing = []
        until = max(until ?? .min, time + postRoll.microseconds)
    }

    mutating func close() {
        ongoing = []
        from = nil
        until = nil
    }
}
