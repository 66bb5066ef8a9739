import Foundation
import GRDB
package import SecamBase
import SecamJPEG
package import SecamWire

extension RecordingStore {
    /// The time that one call of `makeThumbnails` may take.
    private static let thumbnailTimeLimit = Duration.milliseconds(200)
    /// Frames that were not recorded this long after an event's last message will not be recorded.
    private static let recordingDelay = Duration.seconds(60)

    /// Makes the thumbnails of events that have ended, from the recorded frames of their peaks.
    package func makeThumbnails() throws(RecordingError) {
        let start = MonotonicTime.now
        let recent = try index.clock.time.advanced(by: .zero - RecordingStore.recordingDelay)
        for event in try index.eventsWithoutThumbnail(recent: recent) {
            guard MonotonicTime.now - start < RecordingStore.thumbnailTimeLimit else { return }
            let reader = RecordingReader(
                index, camera: event.camera, from: event.peak, to: event.peak + 1_000_000, interval: .zero)
            let frame = try reader.next()
            // The frame may still be in memory.
            if frame == nil, event.arrival >= recent { continue }
            let picture = frame.flatMap { Thumbnail.make($0.jpeg) }
            try index.record(picture, of: event)
        }
    }
}

private struct Thumbnail {
    private static let maximumWidth = 320
    private static let quality = 70

    let jpeg: [UInt8]
    let width: Int
    let height: Int

    /// Returns a thumbnail of a picture; `nil` if it cannot be decoded.
    static func make(_ jpeg: [UInt8]) -> Thumbnail? {
        guard var decoder = try? JPEGDecoder(), var encoder = try? JPEGEncoder(),
            let header = try? decoder.header(of: jpeg.span)
        else { return nil }
        let scale = JPEGScale.allCases.first { header.size(at: $0).width <= maximumWidth } ?? .eighth
        let size = header.size(at: scale)
        guard let count = PixelFormat.i420.byteCount(width: size.width, height: size.height) else { return nil }
        var pixels = [UInt8](repeating: 0, count: count)
        var target = pixels.mutableSpan
        guard (try? decoder.decodeI420(jpeg.span, scale: scale, into: &target)) != nil else { return nil }
        let small = try? encoder.encode(
            pixels.span, format: .i420, width: size.width, height: size.height, quality: quality
        ) { [UInt8](copying: $0) }
        return small.map { Thumbnail(jpeg: $0, width: size.width, height: size.height) }
    }
}

extension RecordingIndex {
    /// The event that a thumbnail is made for.
    fileprivate struct ThumbnailEvent {
        let camera: Name
        let id: Int64
        let peak: Int64
        let arrival: RetentionTime
    }

    private static let thumbnailBatch = 32

    /// Returns events that have ended and have no thumbnail. Cameras take turns, the last of each to arrive first.
    ///
    /// - Parameter recent: the frames of events that arrived earlier are on disk. Such events come too, so that many new
    ///   ones, whose frames may still be in memory, do not keep them waiting.
    fileprivate func eventsWithoutThumbnail(recent: RetentionTime) throws(RecordingError) -> [ThumbnailEvent] {
        try read("finding events without a thumbnail") { db in
            let cameras = try Self.camerasWithoutThumbnail(db)
            let limit = max(1, Self.thumbnailBatch / max(1, cameras.count))
            let events = try cameras.flatMap { camera in
                try [(recent.microseconds, Int64.max), (Int64.min, recent.microseconds - 1)].flatMap { from, to in
                    try Self.eventsWithoutThumbnail(of: camera, from: from, to: to, limit: limit, db)
                }
            }
            return events.sorted { ($0.turn, $0.event.camera) < ($1.turn, $1.event.camera) }.map(\.event)
        }
    }

    /// Steps from camera to camera, because the events of one can be many.
    private static func camerasWithoutThumbnail(_ db: Database) throws -> [String] {
        var cameras: [String] = []
        while let next = try String.fetchOne(
            db,
            sql: """
                SELECT camera FROM event INDEXED BY eventWithoutThumbnail
                WHERE thumbnail IS NULL AND isOver = 1 AND camera > ? ORDER BY camera LIMIT 1
                """, arguments: [cameras.last ?? ""])
        {
            cameras.append(next)
        }
        return cameras
    }

    private static func eventsWithoutThumbnail(
        of camera: String, from: Int64, to: Int64, limit: Int, _ db: Database
    ) throws -> [(turn: Int, event: ThumbnailEvent)] {
        try Row.fetchAll(
            db,
            sql: """
                SELECT camera, id, fields, arrival FROM event INDEXED BY eventWithoutThumbnail
                WHERE thumbnail IS NULL AND isOver = 1 AND camera = ? AND arrival BETWEEN ? AND ?
                ORDER BY arrival DESC LIMIT ?
                """, arguments: [camera, from, to, limit]
        ).enumerated().compactMap { turn, row in
            guard let camera = try? Name(row["camera"] as String),
                let stored = EventFields.decode(Array(row["fields"] as Data))
            else { return nil }
            let event = ThumbnailEvent(
                camera: camera, id: row["id"], peak: stored.peakTime,
                arrival: RetentionTime(microseconds: row["arrival"]))
            return (turn, event)
        }
    }

    /// Stores an event's thumbnail; `nil` if none can be made.
    fileprivate func record(_ thumbnail: Thumbnail?, of event: ThumbnailEvent) throws(RecordingError) {
        try write("storing a thumbnail") { db in
            try db.execute(
                sql: """
                    UPDATE event SET thumbnail = ?, thumbnailWidth = ?, thumbnailHeight = ? WHERE camera = ? AND id = ?
                    """,
                arguments: [
                    Data(thumbnail?.jpeg ?? []), thumbnail?.width ?? 0, thumbnail?.height ?? 0, event.camera.text,
                    event.id,
                ])
        }
    }

    /// Returns the next thumbnail of a camera's events whose peaks are in a range, in the order of the events' starts.
    ///
    /// - Parameters:
    ///   - position: the event to continue after; it becomes the last event that was examined.
    ///   - deadline: the time at which to stop, since the events without a thumbnail in the range can be many.
    fileprivate func nextThumbnail(
        of camera: Name, from: Int64, to: Int64, after position: inout ThumbnailReader.Position,
        until deadline: MonotonicTime
    ) throws(RecordingError) -> RecordingReader.Step {
        var reached = position
        defer { position = reached }
        return try read("reading thumbnails") { db in
            let rows = try Row.fetchCursor(
                db,
                sql: """
                    SELECT start, last, id FROM event
                    WHERE camera = ? AND start < ? AND (start, last, id) > (?, ?, ?)
                    ORDER BY start, last, id
                    """, arguments: [camera.text, to, reached.start, reached.last, reached.id])
            while let row = try rows.next() {
                reached = ThumbnailReader.Position(start: row["start"], last: row["last"], id: row["id"])
                // An event's peak lies between its start and its end.
                if reached.last >= from,
                    let picture = try Self.thumbnail(of: camera, reached.id, db),
                    (from..<to).contains(picture.timestamp)
                {
                    return .frame(picture)
                }
                if MonotonicTime.now >= deadline { return .pause }
            }
            return .end
        }
    }

    /// Returns an event's thumbnail; `nil` if there is none.
    private static func thumbnail(of camera: Name, _ id: Int64, _ db: Database) throws -> RecordedFrame? {
        guard
            let row = try Row.fetchOne(
                db, sql: "SELECT * FROM event WHERE camera = ? AND id = ? AND length(thumbnail) > 0",
                arguments: [camera.text, id]),
            let event = EventFields.decode(Array(row["fields"] as Data))
        else { return nil }
        return RecordedFrame(
            incarnation: UInt64(bitPattern: row["incarnation"]), sequence: event.peakSequence,
            timestamp: event.peakTime, width: UInt16(clamping: row["thumbnailWidth"] as Int64),
            height: UInt16(clamping: row["thumbnailHeight"] as Int64), jpeg: Array(row["thumbnail"] as Data))
    }
}

/// Reads the thumbnails of events in the order of the events' starts.
package final class ThumbnailReader {
    /// The position of an event among the others of its camera.
    struct Position {
        var start = Int64.min
        var last = Int64.min
        var id = Int64.min
    }

    private let index: RecordingIndex
    private let camera: Name
    private let from: Int64
    private let to: Int64
    private var last = Position()

    /// - Parameters:
    ///   - from: the first peak time, UTC microseconds.
    ///   - to: the end of the peak times, exclusive, UTC microseconds.
    package init(_ index: RecordingIndex, camera: Name, from: Int64, to: Int64) {
        self.index = index
        self.camera = camera
        self.from = from
        self.to = to
    }

    /// Reads until the next thumbnail or a deadline, but at least one event.
    package func next(until deadline: MonotonicTime) throws(RecordingError) -> RecordingReader.Step {
        try index.nextThumbnail(of: camera, from: from, to: to, after: &last, until: deadline)
    }
}
