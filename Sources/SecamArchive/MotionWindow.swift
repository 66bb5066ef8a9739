import SecamWire

/// From when to when a camera that is recorded on motion is to be recorded, as its events tell. Without I/O.
struct MotionWindow: Sendable, Equatable {
    /// Events that have not ended.
    private var going: Set<UInt64> = []
    /// UTC microseconds: what came before this is not wanted.
    private(set) var from: Int64?
    /// UTC microseconds of the end, once all events have one.
    private(set) var until: Int64?

    private var preRoll: Int64
    private var postRoll: Int64

    /// - Parameters: seconds.
    init(preRoll: UInt16, postRoll: UInt16) {
        self.preRoll = Int64(preRoll) * 1_000_000
        self.postRoll = Int64(postRoll) * 1_000_000
    }

    /// Whether something is to be recorded.
    var isOpen: Bool { from != nil }

    mutating func note(_ event: CameraEvent) {
        let start = event.start - preRoll
        from = min(from ?? start, start)
        if event.state == .end {
            going.remove(event.id)
            until = max(until ?? .min, event.last + postRoll)
        } else {
            going.insert(event.id)
        }
    }

    /// Whether a frame of this time is the first that is not wanted any more, or the time itself has come.
    ///
    /// - Parameter time: UTC microseconds.
    func isOver(at time: Int64) -> Bool {
        guard going.isEmpty, let until else { return false }
        return time > until
    }

    /// What goes on is not forgotten.
    mutating func change(preRoll: UInt16, postRoll: UInt16) {
        let new = MotionWindow(preRoll: preRoll, postRoll: postRoll)
        (self.preRoll, self.postRoll) = (new.preRoll, new.postRoll)
    }

    /// Events that go on may have ended without a word.
    ///
    /// - Parameter time: UTC microseconds.
    mutating func loseTrack(at time: Int64) {
        guard !going.isEmpty else { return }
        going = []
        until = max(until ?? .min, time + postRoll)
    }

    mutating func close() {
        going = []
        from = nil
        until = nil
    }
}
