import SecamRecording
import SecamWire

/// The times at which a camera is recorded that is recorded on motion: around its events, as the index has them.
struct RecordedTimes {
    /// Microseconds that are looked up at once. Events that are told late have come before the next look.
    private static let chunk: Int64 = 10_000_000

    private var known: [Name: (span: Range<Int64>, times: [ClosedRange<Int64>])] = [:]

    /// - Parameter time: UTC microseconds.
    mutating func contain(
        _ time: Int64, _ rule: Recording.Camera, _ index: RecordingIndex
    ) throws(RecordingError) -> Bool {
        if known[rule.camera]?.span.contains(time) != true {
            let preRoll = Int64(rule.preRoll) * 1_000_000
            let postRoll = Int64(rule.postRoll) * 1_000_000
            // Times of the wire are far from where sums of them end.
            let span = time..<time + RecordedTimes.chunk
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
