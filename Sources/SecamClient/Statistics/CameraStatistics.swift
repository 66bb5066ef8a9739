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
        let (delay, overflow) = frame.received.subtractingReportingOverflow(header.timestamp)
        latency.record(microseconds: overflow ? 0 : delay)
    }

    /// Mean frame rate between the first and the last frame.
    package var framesPerSecond: Double {
        guard frames > 1, last > first else { return 0 }
        return Double(frames - 1) * 1_000_000 / Double(last - first)
    }

    func json() -> String {
        var fields = [
            ("frames", "\(frames)"), ("fps", JSONText.number(framesPerSecond, digits: 2)), ("bytes", "\(bytes)"),
            ("gaps", "\(gaps)"),
            (
                "latency_ms",
                JSONText.object([
                    ("p50", JSONText.number(latency.percentile(0.5).map { $0 / 1000 }, digits: 3)),
                    ("p99", JSONText.number(latency.percentile(0.99).map { $0 / 1000 }, digits: 3)),
                ])
            ),
        ]
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
