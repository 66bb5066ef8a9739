import SecamWire

/// Compares what an export has saved with what was listed before: a recording may have been removed, cut off or let go
/// meanwhile, and its file may hold less than its row says.
struct ExportCheck {
    struct Hole: Equatable {
        /// UTC microseconds of what is missing something.
        let start: Int64
        let end: Int64
        /// Frames; `nil` when it is not known how many.
        let frames: Int?
    }

    /// Microseconds of a recording that lies in the range by a part only, from which on it must have frames there.
    private static let leastPart: Int64 = 2_000_000

    /// UTC microseconds of the frames that were saved.
    private var times: [Int64] = []

    /// - Parameter time: of a frame that was saved, UTC microseconds.
    mutating func addFrame(at time: Int64) { times.append(time) }

    /// - Parameters:
    ///   - recordings: as they were listed.
    ///   - from: UTC microseconds; what was asked for.
    ///   - to: UTC microseconds.
    /// - Returns: the holes in order of time; adjacent ones are merged.
    func holes(in recordings: [Found.Recorded], from: Int64, to: Int64) -> [Hole] {
        let sorted = times.sorted()
        var holes: [Hole] = []
        for recording in recordings.sorted(by: { ($0.start, $0.end) < ($1.start, $1.end) }) {
            guard let hole = hole(in: recording, sorted, from: from, to: to) else { continue }
            guard let last = holes.last, hole.start <= last.end + Self.leastPart else {
                holes.append(hole)
                continue
            }
            let frames = last.frames.flatMap { before in hole.frames.map { before + $0 } }
            holes[holes.count - 1] = Hole(start: last.start, end: max(last.end, hole.end), frames: frames)
        }
        return holes
    }

    private func hole(in recording: Found.Recorded, _ sorted: [Int64], from: Int64, to: Int64) -> Hole? {
        let (start, end) = (max(recording.start, from), min(recording.end, to - 1))
        guard start <= end else { return nil }
        let saved = Self.count(upTo: end, sorted) - Self.count(upTo: start - 1, sorted)
        let isWhole = start == recording.start && end == recording.end
        if isWhole {
            let missing = Int(recording.frames) - saved
            return missing > 0 ? Hole(start: start, end: end, frames: missing) : nil
        }
        return saved == 0 && end - start >= Self.leastPart ? Hole(start: start, end: end, frames: nil) : nil
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
