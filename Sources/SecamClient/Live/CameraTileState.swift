import SecamBase
import SecamWire

/// The present state of one camera of a live session.
struct CameraTileState: Sendable {
    let name: Name
    /// The camera's entry in the gateway's last list; `nil` when it has none.
    var info: Cameras.Camera?
    var statistics = CameraStatistics()
    var rate = RecentRate()
    var picture: Picture?
    var motion = MotionMarks()
    /// Latency of the last frame.
    var latency: Duration = .zero
    /// Time of reception of the last frame.
    var lastFrame: MonotonicTime?
    /// When the connection or the camera was lost, UTC microseconds.
    var lost: Int64?

    init(name: Name) { self.name = name }

    /// A picture counts as frozen after this time without a frame.
    static let freezeTimeout: Duration = .seconds(3)

    /// Returns the text to show over the dimmed picture; `nil` while frames arrive.
    func notice(_ connection: ConnectionState, now: MonotonicTime) -> String? {
        switch connection {
        case .connecting: return "connecting..."
        case .reconnecting: return "reconnecting, \(offlineText(lost))"
        case .failed: return "disconnected"
        case .connected: break
        }
        guard let info else { return lost == nil ? "waiting for the camera" : offlineText(lost) }
        if info.state == .offline { return offlineText(info.since) }
        if info.state == .waiting { return "no encoder" }
        guard picture != nil, let lastFrame else {
            return info.state == .starting ? "starting..." : "waiting for a picture"
        }
        let pause = now - lastFrame
        return pause >= Self.freezeTimeout ? "no picture for \(pause.components.seconds) s" : nil
    }

    private func offlineText(_ since: Int64?) -> String {
        "offline since \(UTC.timeOfDay(since ?? WallClock.now))"
    }

    /// Returns the lines of the overlay.
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
        guard let difference = statistics.cameraClockDifference else { return latencyMilliseconds }
        return "unknown (clock \(difference < 0 ? "behind" : "ahead") by \(abs(difference) / 1_000_000) s)"
    }

    private var latencyMilliseconds: String {
        let tenths = max(0, latency.microseconds) / 100
        return "\(tenths / 10).\(tenths % 10) ms"
    }
}
