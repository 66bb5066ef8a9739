import SecamBase
import SecamWire

/// Compares the frames of an export with the recordings that were listed before it: meanwhile a recording may have been
/// removed or truncated, and its file may hold fewer frames than its row says.
struct ExportCheck {
    struct Hole: Equatable {
        /// UTC microseconds.
        let start: Int64
        /// UTC microseconds.
        let end: Int64
        /// Number of missing frames; `nil` when it is unknown.
        let frames: Int?
    }

    /// A recording that only partly lies in the range must have frames there when the part is at least this long.
    private static let shortestPart = Duration.seconds(2).microseconds

    /// Times of the saved frames, UTC microseconds.
    private var times: [Int64] = []

    /// - Parameter time: of a saved frame, UTC microseconds.
    mutating func addFrame(at time: Int64) { times.append(time) }

    /// Returns the holes in an export, sorted by time; adjacent holes are merged.
    ///
    /// - Parameters:
    ///   - recordings: the recordings as they were listed.
    ///   - from: start of the exported range, UTC microseconds.
    ///   - to: end of the exported range, UTC microseconds.
    func holes(in recordings: [FoundRecording], from: Int64, to: Int64) -> [Hole] {
        let sorted = times.sorted()
        var holes: [Hole] = []
        for recording in recordings.sorted(by: { ($0.start, $0.end) < ($1.start, $1.end) }) {
            guard let hole = hole(in: recording, sorted, from: from, to: to) else { continue }
            guard let last = holes.last, hole.start <= last.end + Self.shortestPart else {
                holes.append(hole)
                continue
            }
            let frames = last.frames.flatMap { before in hole.frames.map { before + $0 } }
            holes[holes.count - 1] = Hole(start: last.start, end: max(last.end, hole.end), frames: frames)
        }
        return holes
    }

    private func hole(in recording: FoundRecording, _ sorted: [Int64], from: Int64, to: Int64) -> Hole? {
        let (start, end) = (max(recording.start, from), min(recording.end, to - 1))
        guard start <= end else { return nil }
        let saved = Self.count(upTo: end, sorted) - Self.count(upTo: start - 1, sorted)
        let isWhole = start == recording.start && end == recording.end
        if isWhole {
            let missing = Int(recording.frames) - saved
            return missing > 0 ? Hole(start: start, end: end, frames: missing) : nil
        }
        return saved == 0 && end - start >= Self.shortestPart ? Hole(start: start, end: end, frames: nil) : nil
    }

    private static func count(upTo time: Int64, _ sorted: [Int64]) -> Int {
        var (low, high) = (0, sorted.count)
        while low < high {
            let middle = (low + high) / 2
            if sorted[middle] <= time { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
