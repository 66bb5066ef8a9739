import SecamBase
import SecamWire

/// One camera of a live session as it is at the moment.
struct CameraTileState: Sendable {
    let name: Name
    /// As the gateway said last; nil when it does not list the camera (any more).
    var info: Cameras.Camera?
    var statistics = CameraStatistics()
    var rate = RecentRate()
    var picture: Picture?
    var motion = MotionMarks()
    /// Of the last frame, microseconds.
    var latency: Int64 = 0
    /// Monotonic time of the last frame, microseconds; 0 before the first.
    var lastFrame: Int64 = 0
    /// Since when no connection or no camera is there, UTC microseconds.
    var lost: Int64?

    init(name: Name) { self.name = name }

    /// Time without a frame after which a picture counts as standing still, in microseconds.
    static let stillTime: Int64 = 3_000_000

    /// What to say over the picture, which is then dimmed; nil while it moves.
    func notice(_ connection: ConnectionState, now: Int64) -> String? {
        switch connection {
        case .connecting: return "connecting..."
        case .reconnecting: return "reconnecting, \(offlineText(lost))"
        case .failed: return "disconnected"
        case .connected: break
        }
        guard let info else { return lost == nil ? "waiting for the camera" : offlineText(lost) }
        if info.state == .offline { return offlineText(info.since) }
        if info.state == .waiting { return "no encoder" }
        guard picture != nil else { return info.state == .starting ? "starting..." : "waiting for a picture" }
        let still = now - lastFrame
        return still >= Self.stillTime ? "no picture for \(still / 1_000_000) s" : nil
    }

    private func offlineText(_ since: Int64?) -> String {
        "offline since \(UTC.timeOfDay(since ?? WallClock.now))"
    }

    /// Lines of the overlay.
    func details() -> [String] {
        guard let header = picture?.frame.header else { return [] }
        let tenths = Int((rate.framesPerSecond * 10).rounded())
        return [
            UTC.dateAndTime(header.timestamp),
            "\(tenths / 10).\(tenths % 10) fps   latency \(latencyText)",
            "\(header.width)x\(header.height)   \(header.rendition)",
        ]
    }

    private var latencyText: String {
        let tenths = max(0, latency) / 100
        return "\(tenths / 10).\(tenths % 10) ms"
    }
}
