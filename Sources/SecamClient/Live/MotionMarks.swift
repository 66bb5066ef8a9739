import SecamWire

/// What moves before a camera at the moment, as the gateway told last.
struct MotionMarks: Sendable {
    private var going: [UInt64: CameraEvent] = [:]
    /// Monotonic microseconds of the last news.
    private var heard: Int64 = 0

    /// Microseconds without news after which boxes are where nothing may be any more.
    private static let freshTime: Int64 = 1_500_000
    /// Events that are kept: more than one motion service begins.
    private static let limit = 8

    mutating func note(_ event: CameraEvent, now: Int64) {
        guard event.kind == .motion else { return }
        heard = now
        going[event.id] = event.state == .end ? nil : event
        if going.count > Self.limit { going = [event.id: event] }
    }

    func boxes(now: Int64) -> [CameraEvent.Box] {
        now - heard < Self.freshTime ? going.values.flatMap(\.boxes) : []
    }
}
