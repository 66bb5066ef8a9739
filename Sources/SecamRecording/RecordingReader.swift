package import SecamBase
import SecamJPEG
import SecamMedia
package import SecamWire

/// A recorded picture: a frame, or the thumbnail of an event with the number and time of its moment's frame.
package struct RecordedFrame: Sendable {
    package let incarnation: UInt64
    package let sequence: UInt64
    /// UTC microseconds.
    package let timestamp: Int64
    package let width: UInt16
    package let height: UInt16
    /// As it was captured, or made anew from a recording that was compressed.
    package let jpeg: [UInt8]
}

/// Reads recorded frames of one camera in the order of their times, from one segment to the next; where a time exists
/// more than once, one pass through it after the other. It belongs to one thread, which it may hold up.
package final class RecordingReader {
    /// Of JPEGs that are made anew: what H.264 has lost, a higher one does not bring back.
    private static let quality = 85
    /// Frames that are read over rather than sought past.
    private static let readOver = 32

    private struct Open {
        var segment: SegmentRow
        var reader: MediaReader
        var map: [FrameMap.Entry]
        /// The next entry of the map.
        var next: Int
    }

    private let index: RecordingIndex
    private let camera: Name
    private let to: Int64
    private let interval: Int64
    private let from: Int64
    private var open: Open?
    private var segments: SegmentSequence
    private var isFirst = true
    private var lastTimestamp: Int64?

    /// - Parameters:
    ///   - from: UTC microseconds; begins with the last frame at or before this in the recording that holds it.
    ///   - to: UTC microseconds; frames from then on are not meant.
    ///   - interval: least microseconds between two frames; 0 for all.
    package init(_ index: RecordingIndex, camera: Name, from: Int64, to: Int64, interval: Int64) {
        self.index = index
        self.camera = camera
        self.from = from
        self.to = to
        self.interval = interval
        segments = SegmentSequence(index, camera: camera, to: to)
    }

    /// What a turn of reading came to.
    package enum Step {
        case frame(RecordedFrame)
        /// The time was up before there was a frame.
        case pause
        case end
    }

    /// - Returns: `nil` at the end.
    package func next() throws(RecordingError) -> RecordedFrame? {
        while true {
            switch try next(until: nil) {
            case .frame(let frame): return frame
            case .pause: continue
            case .end: return nil
            }
        }
    }

    /// The same, for who has other things to do: what lies between two frames may be long.
    ///
    /// - Parameter deadline: pauses when it has passed.
    package func next(until deadline: MonotonicTime?) throws(RecordingError) -> Step {
        while true {
            if let deadline, MonotonicTime.now >= deadline { return .pause }
            if open == nil {
                if let segment = try segments.next(from: earliest) {
                    try begin(segment)
                } else if segments.isAtEnd {
                    return .end
                }
                continue
            }
            passOverWhatIsNotDue()
            guard let frame = nextInSegment() else {
                if try goOnInGrowing() { continue }
                open = nil
                continue
            }
            // Behind it there may be another one, of a clock that was set back.
            guard frame.entry.time < to else {
                open = nil
                continue
            }
            guard let recorded = take(frame.entry, frame.media) else { continue }
            lastTimestamp = frame.entry.time
            return .frame(recorded)
        }
    }

    /// Before this nothing is wanted of segments that were not looked at yet.
    private var earliest: Int64 {
        guard let lastTimestamp, interval > 0 else { return from }
        return max(from, FrameInterval.firstDue(after: lastTimestamp, every: interval))
    }

    private func isDue(_ entry: FrameMap.Entry) -> Bool {
        lastTimestamp.map { FrameInterval.isDue(entry.time, after: $0, every: interval) } ?? true
    }

    /// What is far is not read on the way.
    private func passOverWhatIsNotDue() {
        guard let current = open else { return }
        let due = current.map[current.next...].firstIndex(where: isDue) ?? current.map.count
        open!.next = due
        if due - current.next > Self.readOver, due < current.map.count {
            try? current.reader.seek(toMicroseconds: current.map[due].time - current.segment.start)
        }
    }

    /// The bytes of the current frame.
    private func take(_ entry: FrameMap.Entry, _ frame: MediaFrame) -> RecordedFrame? {
        guard let open, let width = UInt16(exactly: frame.width), let height = UInt16(exactly: frame.height),
            let jpeg = open.reader.withJPEG({ bytes in unsafe bytes.withUnsafeBytes { unsafe Array($0) } })
                ?? encode(frame, open.reader)
        else { return nil }
        return RecordedFrame(
            incarnation: open.segment.incarnation, sequence: entry.sequence, timestamp: entry.time, width: width,
            height: height, jpeg: jpeg)
    }

    private func encode(_ frame: MediaFrame, _ reader: MediaReader) -> [UInt8]? {
        var picture = [UInt8](repeating: 0, count: frame.byteCount)
        var pixels = picture.mutableSpan
        var bytes = unsafe pixels.mutableBytes
        reader.copyFrame(into: &bytes)
        guard var encoder = try? JPEGEncoder() else { return nil }
        return try? encoder.encode(
            picture.span, format: frame.pixelFormat, width: frame.width, height: frame.height,
            quality: RecordingReader.quality
        ) { [UInt8](copying: $0) }
    }

    /// Opens a segment, unless nothing in it is wanted. One that was let go just now, or is damaged, must not keep the
    /// others from being seen.
    private func begin(_ segment: SegmentRow) throws(RecordingError) {
        defer { isFirst = false }
        let map = try index.map(of: segment)
        var next = 0
        if from > segment.start {
            // The first one with the frame that was the picture at that time. Others that hold the time were
            // recorded when a clock had been set back.
            next =
                isFirst
                ? max(0, (map.firstIndex { $0.time > from } ?? map.count) - 1)
                : map.firstIndex { $0.time >= from } ?? map.count
        }
        next = map[next...].firstIndex(where: isDue) ?? map.count
        let isGrowing = segment.state == .open
        guard next < map.count || isGrowing, let reader = try? MediaReader(url: index.folder.absolute(segment.path))
        else { return }
        if next > 0, next < map.count { try? reader.seek(toMicroseconds: map[next].time - segment.start) }
        open = Open(segment: segment, reader: reader, map: map, next: next)
    }

    /// A segment that was being written when it was opened may have more by now.
    private func goOnInGrowing() throws(RecordingError) -> Bool {
        guard let current = open, current.segment.state == .open, let now = try index.segment(current.segment.id) else {
            return false
        }
        let map = try index.map(of: now)
        guard map.count > current.next, let reader = try? MediaReader(url: index.folder.absolute(now.path)) else {
            return false
        }
        // What it has is passed over: it was read before.
        if current.next > 0 { try? reader.seek(toMicroseconds: map[current.next].time - now.start) }
        open = Open(segment: now, reader: reader, map: map, next: current.next)
        return true
    }

    private func nextInSegment() -> (entry: FrameMap.Entry, media: MediaFrame)? {
        guard var current = open else { return nil }
        defer { open = current }
        while current.next < current.map.count, let frame = try? current.reader.next() {
            // The file keeps milliseconds: what lies before the wanted frame is passed over.
            let wanted = current.map[current.next]
            let offset = (wanted.time - current.segment.start + 500) / 1000
            guard (frame.timestampMicroseconds + 500) / 1000 >= offset else { continue }
            current.next += 1
            return (wanted, frame)
        }
        return nil
    }
}

/// The segments of a camera that have any part in a range, by their starts. Segments that overlap were recorded when a
/// clock had been set back: they come in the order in which they were recorded, so that each pass through that time
/// stays together.
private struct SegmentSequence {
    /// Segments that overlap, one with the next: 34 days of minutes.
    private static let mostOverlapping = 50_000

    private let index: RecordingIndex
    private let camera: Name
    private let to: Int64
    /// Those that overlap, as far as they were found.
    private var found: [SegmentRow] = []
    /// Where the last of those ends.
    private var end = Int64.min
    /// Those that come next.
    private var waiting: ArraySlice<SegmentRow> = []
    /// The last one that was found, by start.
    private var last: RecordingIndex.SegmentPlace?
    private(set) var isAtEnd = false

    init(_ index: RecordingIndex, camera: Name, to: Int64) {
        self.index = index
        self.camera = camera
        self.to = to
    }

    /// Looks for one more.
    ///
    /// - Parameter from: what ends before is left out; UTC microseconds.
    /// - Returns: `nil` at the end, and as long as others may have to come before it.
    mutating func next(from: Int64) throws(RecordingError) -> SegmentRow? {
        if let segment = waiting.popFirst() { return segment }
        if found.count < Self.mostOverlapping,
            let next = try index.segment(of: camera, from: from, to: to, after: last),
            found.isEmpty || next.segment.start <= end
        {
            found.append(next.segment)
            end = max(end, next.segment.end)
            last = next.place
            return nil
        }
        isAtEnd = found.isEmpty
        waiting = found.sorted { ($0.arrival, $0.id) < ($1.arrival, $1.id) }[...]
        (found, end) = ([], .min)
        return waiting.popFirst()
    }
}
