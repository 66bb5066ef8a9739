import SecamBase
import SecamMedia
import SecamWire

/// The contents of a recording, read from its file.
struct SegmentScan {
    let camera: String?
    let incarnation: UInt64?
    let firstSequence: UInt64?
    /// UTC microseconds.
    let start: Int64
    let entries: [FrameMap.Entry]
    let isCompressed: Bool
    /// Whether the frames came from the camera's spool.
    let isSpooled: Bool

    /// - Parameters:
    ///   - path: the file.
    ///   - known: the first frames as the index knows them, to the microsecond.
    init(_ path: String, known: [FrameMap.Entry] = []) throws {
        let reader = try MediaReader(url: path)
        isCompressed = !reader.format.isMotionJPEG
        camera = reader.tag(SegmentTags.camera)
        incarnation = reader.tag(SegmentTags.incarnation).flatMap { UInt64($0) }
        firstSequence = reader.tag(SegmentTags.sequence).flatMap { UInt64($0) }
        isSpooled = reader.tag(SegmentTags.spooled) == "1"
        guard let start = known.first?.time ?? reader.tag("creation_time").flatMap(Self.time) else {
            throw RecordingError.file(path: path, operation: "reading", reason: "its start time is missing")
        }
        self.start = start
        var entries: [FrameMap.Entry] = []
        while let frame = try reader.next() {
            if entries.count < known.count {
                entries.append(known[entries.count])
                continue
            }
            // A file that another program wrote can contain any number.
            let next = entries.last.map { $0.sequence + 1 } ?? firstSequence ?? 1
            guard next <= WireLimits.sequence, WireLimits.times.contains(start) else { break }
            let time = max(
                entries.last?.time ?? start, WireLimits.times.clamping(start + frame.timestampMicroseconds))
            entries.append(FrameMap.Entry(time: time, sequence: next))
        }
        self.entries = entries
    }

    /// Parses a time such as `2026-01-02T03:04:05.678901Z`; returns UTC microseconds.
    private static func time(_ text: String) -> Int64? { UTCText.microseconds(iso: text) }
}
