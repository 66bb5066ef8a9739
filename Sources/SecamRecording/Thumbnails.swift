import Foundation
import GRDB
import SecamBase
import SecamJPEG
package import SecamWire

extension RecordingStore {
    /// Microseconds that making them may take before others have their turn.
    private static let turn: Int64 = 200_000
    /// What has not been recorded for so long after an event's last message will not be.
    private static let recordingDelay = Duration.seconds(60)

    /// Makes small pictures of events that are over and have none, from what was recorded of their moments.
    package func makeThumbnails() throws(RecordingError) {
        let start = MonotonicTime.now
        let recent = try index.clock.time.advanced(by: .zero - RecordingStore.recordingDelay)
        for event in try index.eventsWithoutThumbnail() {
            guard MonotonicTime.now.since(start) < RecordingStore.turn else { return }
            let reader = RecordingReader(
                index, camera: event.camera, from: event.peak, to: event.peak + 1_000_000, interval: 0)
            let frame = try reader.next()
            // It may be in memory still.
            if frame == nil, event.arrival >= recent { continue }
            let picture = frame.flatMap { ThumbnailPicture.make($0.jpeg) }
            try index.note(picture?.jpeg ?? [], width: picture?.width ?? 0, height: picture?.height ?? 0, of: event)
        }
    }
}

private enum ThumbnailPicture {
    private static let width = 320
    private static let quality = 70

    /// - Returns: `nil` when it cannot be decoded.
    static func make(_ jpeg: [UInt8]) -> (jpeg: [UInt8], width: Int, height: Int)? {
        guard var decoder = try? JPEGDecoder(), var encoder = try? JPEGEncoder(),
            let header = try? decoder.header(of: jpeg.span)
        else { return nil }
        let scale = JPEGScale.allCases.first { header.size(at: $0).width <= width } ?? .eighth
        let size = header.size(at: scale)
        guard let count = PixelFormat.i420.byteCount(width: size.width, height: size.height) else { return nil }
        var pixels = [UInt8](repeating: 0, count: count)
        var target = pixels.mutableSpan
        guard (try? decoder.decodeI420(jpeg.span, scale: scale, into: &target)) != nil else { return nil }
        let small = try? encoder.encode(
            pixels.span, format: .i420, width: size.width, height: size.height, quality: quality
        ) { [UInt8](copying: $0) }
        return small.map { ($0, size.width, size.height) }
    }
}

extension RecordingIndex {
    /// An event as far as its picture goes.
    fileprivate struct Moment {
        let camera: Name
        let id: Int64
        let peak: Int64
        let arrival: RetentionTime
    }

    private static let mostAtOnce = 32

    /// Events that are over and have no picture, those that arrived last first. Cameras take turns.
    fileprivate func eventsWithoutThumbnail() throws(RecordingError) -> [Moment] {
        try read("looking for events without a picture") { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT camera, id, fields, arrival FROM (
                        SELECT *, ROW_NUMBER() OVER (PARTITION BY camera ORDER BY arrival DESC, id) AS turn FROM event
                        WHERE thumbnail IS NULL AND isOver = 1
                    ) ORDER BY turn, camera LIMIT \(Self.mostAtOnce)
                    """
            ).compactMap { row in
                guard let camera = try? Name(row["camera"] as String),
                    let event = EventFields.decode(Array(row["fields"] as Data))
                else { return nil }
                return Moment(
                    camera: camera, id: row["id"], peak: event.peakTime,
                    arrival: RetentionTime(microseconds: row["arrival"]))
            }
        }
    }

    /// - Parameter jpeg: empty when there is none to be had.
    fileprivate func note(_ jpeg: [UInt8], width: Int, height: Int, of event: Moment) throws(RecordingError) {
        try write("noting an event's picture") { db in
            try db.execute(
                sql: """
                    UPDATE event SET thumbnail = ?, thumbnailWidth = ?, thumbnailHeight = ? WHERE camera = ? AND id = ?
                    """,
                arguments: [Data(jpeg), width, height, event.camera.text, event.id])
        }
    }

    /// The small pictures of a camera's events whose moments lie in the range, by the events' starts.
    ///
    /// - Parameters:
    ///   - last: goes on behind this one; `nil` to begin.
    ///   - limit: no more than so many.
    fileprivate func thumbnails(
        of camera: Name, from: Int64, to: Int64, after last: ThumbnailReader.Place?, limit: Int
    ) throws(RecordingError) -> [(picture: RecordedFrame, place: ThumbnailReader.Place)] {
        try read("reading events' pictures") { db in
            // An event's moment lies between its start and its end.
            let rows = try Row.fetchCursor(
                db,
                sql: """
                    SELECT * FROM event
                    WHERE camera = ? AND start < ? AND last >= ? AND (start, id) > (?, ?) AND length(thumbnail) > 0
                    ORDER BY start, id
                    """, arguments: [camera.text, to, from, last?.start ?? .min, last?.id ?? .min])
            var found: [(picture: RecordedFrame, place: ThumbnailReader.Place)] = []
            while let row = try rows.next() {
                guard let event = EventFields.decode(Array(row["fields"] as Data)), event.peakTime >= from,
                    event.peakTime < to
                else { continue }
                let picture = RecordedFrame(
                    incarnation: UInt64(bitPattern: row["incarnation"]), sequence: event.peakSequence,
                    timestamp: event.peakTime, width: UInt16(clamping: row["thumbnailWidth"] as Int64),
                    height: UInt16(clamping: row["thumbnailHeight"] as Int64), jpeg: Array(row["thumbnail"] as Data))
                found.append((picture, ThumbnailReader.Place(start: row["start"], id: row["id"])))
                if found.count >= limit { break }
            }
            return found
        }
    }
}

/// Reads events' small pictures in the order of the events' starts.
package final class ThumbnailReader {
    /// Of an event among the others of its camera, to go on behind it.
    struct Place {
        let start: Int64
        let id: Int64
    }

    private let index: RecordingIndex
    private let camera: Name
    private let from: Int64
    private let to: Int64
    private var waiting: ArraySlice<RecordedFrame> = []
    private var last: Place?
    private var isOver = false

    /// Pictures that are read at once; some 10 kB each.
    private static let batch = 32

    /// - Parameters:
    ///   - from: UTC microseconds.
    ///   - to: UTC microseconds; moments from then on are not meant.
    package init(_ index: RecordingIndex, camera: Name, from: Int64, to: Int64) {
        self.index = index
        self.camera = camera
        self.from = from
        self.to = to
    }

    /// - Returns: `nil` at the end.
    package func next() throws(RecordingError) -> RecordedFrame? {
        if waiting.isEmpty, !isOver {
            let more = try index.thumbnails(of: camera, from: from, to: to, after: last, limit: Self.batch)
            isOver = more.count < Self.batch
            waiting = more.map(\.picture)[...]
            last = more.last?.place ?? last
        }
        return waiting.popFirst()
    }
}
