package import SecamBase
import SecamJPEG
import SecamMedia
package import SecamWire

/// A recorded picture: a frame, or the thumbnail of an event with the number and time of the peak's frame.
package struct RecordedFrame: Sendable {
    package let incarnation: UInt64
    package let sequence: UInt64
    /// UTC microseconds.
    package let timestamp: Int64
    package let width: UInt16
    package let height: UInt16
    /// The JPEG as captured, or encoded again from a compressed recording.
    package let jpeg: [UInt8]
}

/// Reads the recorded frames of one camera in the order of their times, segment after segment. Where a time was
/// recorded more than once, one pass follows the other. It belongs to one thread, which it may block.
package final class RecordingReader {
    /// The quality of JPEGs that are encoded again. A higher one cannot restore what H.264 has lost.
    private static let quality = 85
    /// Up to this many frames are skipped by reading them, more by seeking.
    private static let skipLimit = 32

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
    private let intervalMicroseconds: Int64
    private let from: Int64
    private var open: Open?
    private var segments: SegmentSequence
    private var isFirst = true
    private var lastTimestamp: Int64?

    /// - Parameters:
    ///   - from: the start, UTC microseconds. The first frame is the last one at or before it in the same segment.
    ///   - to: the end, exclusive, UTC microseconds.
    ///   - interval: the minimum time between two frames; zero for all frames.
    package init(_ index: RecordingIndex, camera: Name, from: Int64, to: Int64, interval: Duration) {
        self.index = index
        self.camera = camera
        self.from = from
        self.to = to
        intervalMicroseconds = interval.microseconds
        segments = SegmentSequence(index, camera: camera, to: to)
    }

    /// The result of reading for a limited time.
    package enum Step {
        case frame(RecordedFrame)
        /// The deadline passed before a frame was found.
        case pause
        case end
    }

    /// Returns the next frame; `nil` at the end.
    package func next() throws(RecordingError) -> RecordedFrame? {
        while true {
            switch try next(until: nil) {
            case .frame(let frame): return frame
            case .pause: continue
            case .end: return nil
            }
        }
    }

    /// Reads until the next frame or a deadline, since the frames skipped on the way can be many.
    ///
    /// - Parameter deadline: the time at which reading pauses; `nil` for none.
    package func next(until deadline: MonotonicTime?) throws(RecordingError) -> Step {
        while true {
            if let deadline, MonotonicTime.now >= deadline { return .pause }
            if open == nil {
                if let segment = try segments.next(from: earliest) {
                    try openSegment(segment)
                } else if segments.isAtEnd {
                    return .end
                }
                continue
            }
            skipToDueFrame()
            guard let frame = nextInSegment() else {
                if try reopenGrowing() { continue }
                open = nil
                continue
            }
            // A later segment may hold an earlier time, if a clock was set back.
            guard frame.entry.time < to else {
                open = nil
                continue
            }
            guard let recorded = recordedFrame(frame.entry, frame.media) else { continue }
            lastTimestamp = frame.entry.time
            return .frame(recorded)
        }
    }

    /// The time before which no frame of a further segment is due.
    private var earliest: Int64 {
        guard let lastTimestamp, intervalMicroseconds > 0 else { return from }
        return max(from, FrameInterval.firstDue(after: lastTimestamp, every: intervalMicroseconds))
    }

    private func isDue(_ entry: FrameMap.Entry) -> Bool {
        lastTimestamp.map { FrameInterval.isDue(entry.time, after: $0, every: intervalMicroseconds) } ?? true
    }

    /// Advances to the next frame that is due, seeking if it is far.
    private func skipToDueFrame() {
        guard let current = open else { return }
        let due = current.map[current.next...].firstIndex(where: isDue) ?? current.map.count
        open!.next = due
        if due - current.next > Self.skipLimit, due < current.map.count {
            try? current.reader.seek(toMicroseconds: current.map[due].time - current.segment.start)
        }
    }

    /// Returns the current frame with its JPEG; `nil` if it cannot be decoded.
    private func recordedFrame(_ entry: FrameMap.Entry, _ frame: MediaFrame) -> RecordedFrame? {
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

    /// Opens a segment if a frame in it is due. A segment that is damaged, or was removed just now, is skipped.
    private func openSegment(_ segment: SegmentRow) throws(RecordingError) {
        defer { isFirst = false }
        let map = try index.map(of: segment)
        var next = 0
        if from > segment.start {
            // The first segment starts with the frame that was current at the time. Further segments that hold the time
            // were recorded after a clock was set back.
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

    /// Opens a segment again that was being written and has grown since. Returns whether it has.
    private func reopenGrowing() throws(RecordingError) -> Bool {
        guard let current = open, current.segment.state == .open, let now = try index.segment(current.segment.id) else {
            return false
        }
        let map = try index.map(of: now)
        guard map.count > current.next, let reader = try? MediaReader(url: index.folder.absolute(now.path)) else {
            return false
        }
        // The frames before the next one have been read.
        if current.next > 0 { try? reader.seek(toMicroseconds: map[current.next].time - now.start) }
        open = Open(segment: now, reader: reader, map: map, next: current.next)
        return true
    }

    private func nextInSegment() -> (entry: FrameMap.Entry, media: MediaFrame)? {
        guard var current = open else { return nil }
        defer { open = current }
        while current.next < current.map.count, let frame = try? current.reader.next() {
            // The file stores milliseconds. Frames before the wanted one are skipped.
            let wanted = current.map[current.next]
            let offset = (wanted.time - current.segment.start + 500) / 1000
            guard (frame.timestampMicroseconds + 500) / 1000 >= offset else { continue }
            current.next += 1
            return (wanted, frame)
        }
        return nil
    }
}

/// The segments of a camera in a range, in the order of their starts. Segments overlap if a clock was set back. They
/// come in the order of their recording, so that each pass through that time stays together.
private struct SegmentSequence {
    /// The maximum number of segments sorted together: 34 days of one-minute segments.
    private static let overlapLimit = 50_000

    private let index: RecordingIndex
    private let camera: Name
    private let to: Int64
    /// Overlapping segments found so far.
    private var found: [SegmentRow] = []
    /// The end of the overlapping segments.
    private var end = Int64.min
    /// Sorted segments to return next.
    private var waiting: ArraySlice<SegmentRow> = []
    /// The position of the last segment found.
    private var last: RecordingIndex.SegmentPosition?
    private(set) var isAtEnd = false

    init(_ index: RecordingIndex, camera: Name, to: Int64) {
        self.index = index
        self.camera = camera
        self.to = to
    }

    /// Queries one more segment.
    ///
    /// - Parameter from: segments that end earlier are skipped; UTC microseconds.
    /// - Returns: the next segment; `nil` at the end, and while another one may have to precede it.
    mutating func next(from: Int64) throws(RecordingError) -> SegmentRow? {
        if let segment = waiting.popFirst() { return segment }
        if found.count < Self.overlapLimit,
            let next = try index.segment(of: camera, from: from, to: to, after: last),
            found.isEmpty || next.segment.start <= end
        {
            found.append(next.segment)
            end = max(end, next.segment.end)
            last = next.position
            return nil
        }
        isAtEnd = found.isEmpty
        waiting = found.sorted { ($0.arrival, $0.id) < ($1.arrival, $1.id) }[...]
        (found, end) = ([], .min)
        return waiting.popFirst()
    }
}
