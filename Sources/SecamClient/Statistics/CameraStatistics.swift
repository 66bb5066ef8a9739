import SecamBase
package import SecamWire

/// Counters of the frames received from one camera.
package struct CameraStatistics: Sendable {
    package private(set) var frames: UInt64 = 0
    /// Bytes of the pictures.
    package private(set) var bytes: UInt64 = 0
    /// Missing sequence numbers within each incarnation.
    package private(set) var gaps: UInt64 = 0
    /// Time from capture to the reception of the whole frame.
    package private(set) var latency = LatencyStatistics()
    /// The shortest latency, microseconds; negative when the camera's clock is ahead.
    private var shortestLatency: Int64?
    /// How far this machine's clock is ahead of the gateway's, microseconds.
    private var clockDifference: Int64 = 0
    /// Frames that the recording lacks because of the disk or the camera's clock.
    package var unrecorded: UInt64 = 0
    /// Pictures that could not be decoded.
    package var damaged: UInt64 = 0
    private var first: Int64 = 0
    private var last: Int64 = 0
    private var position: (incarnation: UInt64, sequence: UInt64)?

    package init() {}

    package mutating func record(_ frame: ReceivedFrame) {
        let header = frame.header
        if let position, position.incarnation == header.incarnation, header.sequence > position.sequence {
            let (sum, overflow) = gaps.addingReportingOverflow(header.sequence - position.sequence - 1)
            gaps = overflow ? .max : sum
        }
        position = (header.incarnation, header.sequence)
        if frames == 0 { first = frame.received }
        last = frame.received
        frames += 1
        bytes += UInt64(frame.payload.count)
        latency.record(microseconds: frame.latency)
        shortestLatency = min(shortestLatency ?? .max, frame.latency)
        clockDifference = frame.clockDifference
    }

    /// Shortest latency that no live picture has: the camera's clock is behind then, microseconds.
    private static let impossibleLatency: Int64 = 60_000_000
    /// Negative latency from clocks that are synchronized over a network.
    private static let clockTolerance: Int64 = 500_000

    /// How far the camera's clock is ahead of the gateway's, microseconds; `nil` if it is right.
    package var cameraClockDifference: Int64? {
        guard let shortestLatency, shortestLatency < -Self.clockTolerance || shortestLatency > Self.impossibleLatency
        else { return nil }
        return 0 &- shortestLatency
    }

    /// Returns what is wrong with the clocks; `nil` if they agree.
    package func clockNotice(camera: Name) -> String? {
        func seconds(_ microseconds: Int64) -> String {
            "\(Double(microseconds.magnitude / 100_000) / 10) s \(microseconds < 0 ? "behind" : "ahead of")"
        }
        if let difference = cameraClockDifference {
            return
                "clocks differ: the clock of camera '\(camera)' is \(seconds(difference)) the gateway's, so its latency is "
                + "unknown"
        }
        guard clockDifference != 0 else { return nil }
        return
            "clocks differ: this machine's clock is \(seconds(clockDifference)) the gateway's; latencies are corrected"
    }

    /// Mean frame rate between the first and the last frame.
    package var framesPerSecond: Double {
        guard frames > 1, last > first else { return 0 }
        return Double(frames - 1) * 1_000_000 / Double(last - first)
    }

    /// Returns a percentile of the latency in milliseconds; `nil` if clocks leave it unknown.
    private func latencyPercentile(_ fraction: Double) -> Double? {
        cameraClockDifference == nil ? latency.percentile(fraction).map { $0 / 1000 } : nil
    }

    func json() -> String {
        var fields = [
            ("frames", "\(frames)"), ("fps", JSONText.number(framesPerSecond, digits: 2)), ("bytes", "\(bytes)"),
            ("gaps", "\(gaps)"),
            (
                "latency_ms",
                JSONText.object([
                    ("p50", JSONText.number(latencyPercentile(0.5), digits: 3)),
                    ("p99", JSONText.number(latencyPercentile(0.99), digits: 3)),
                ])
            ),
        ]
        if let difference = cameraClockDifference ?? (clockDifference == 0 ? nil : clockDifference) {
            fields.append(("clock_difference_ms", JSONText.number(Double(difference) / 1000, digits: 0)))
        }
        if unrecorded > 0 { fields.append(("unrecorded", "\(unrecorded)")) }
        if damaged > 0 { fields.append(("damaged", "\(damaged)")) }
        return JSONText.object(fields)
    }
}

/// The output of `--stats`: one JSON object on one line.
package enum LiveStatistics {
    package static func json(_ cameras: [(name: Name, statistics: CameraStatistics)]) -> String {
        JSONText.object([("cameras", JSONText.object(cameras.map { ($0.name.text, $0.statistics.json()) }))])
    }
}
