import SecamBase
import SecamWire

/// The boxes of a camera's active motion events.
struct MotionMarks: Sendable {
    private var active: [UInt64: CameraEvent] = [:]
    private var lastUpdate: MonotonicTime?

    /// Boxes older than this are hidden, since the object may have moved on.
    private static let boxLifetime: Duration = .milliseconds(1500)
    /// Active events to keep; one motion service never reports more.
    private static let eventLimit = 8

    mutating func record(_ event: CameraEvent, now: MonotonicTime) {
        guard event.kind == .motion else { return }
        lastUpdate = now
        active[event.id] = event.state == .end ? nil : event
        if active.count > Self.eventLimit { active = [event.id: event] }
    }

    func boxes(now: MonotonicTime) -> [CameraEvent.Box] {
        guard let lastUpdate, now - lastUpdate < Self.boxLifetime else { return [] }
        return active.values.flatMap(\.boxes)
    }
}
