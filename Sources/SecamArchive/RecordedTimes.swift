import SecamBase
import SecamRecording
import SecamWire

/// The times at which a camera on motion is recorded, from its events in the index.
struct RecordedTimes {
    /// The time span of one query. It is short, so that events that arrive late are found by the next one.
    private static let chunk = Duration.seconds(10)

    private var known: [Name: (span: Range<Int64>, times: [ClosedRange<Int64>])] = [:]

    /// Returns whether a camera on motion is recorded at a time, UTC microseconds.
    mutating func covers(
        _ time: Int64, rule: Recording.Camera, index: RecordingIndex
    ) throws(RecordingError) -> Bool {
        if known[rule.camera]?.span.contains(time) != true {
            let preRoll = Int64(rule.preRoll) * 1_000_000
            let postRoll = Int64(rule.postRoll) * 1_000_000
            // The limits of times on the wire keep these sums from overflowing.
            let span = time..<time + RecordedTimes.chunk.microseconds
            let events = try index.events(
                of: rule.camera, from: span.lowerBound - postRoll, to: span.upperBound + preRoll)
            let times = events.entries.map { entry in
                entry.event.start - preRoll...max(entry.event.start, entry.event.last) + postRoll
            }
            known[rule.camera] = (span, times)
        }
        return known[rule.camera]!.times.contains { $0.contains(time) }
    }
}
