import Foundation
import GRDB
import SecamBase
package import SecamWire

extension RecordingIndex {
    /// The columns of a `SegmentRow`. The map is not among them, as it is much larger than the rest.
    static let columns =
        """
        id, camera, path, incarnation, firstSequence, lastSequence, start, end, frames, bytes, state, writer, protected,
        arrival, spooled
        """

    /// Inserts a segment that has no frames yet, and returns its row.
    func insertSegment(
        camera: Name, path: String, incarnation: UInt64, sequence: UInt64, start: Int64, writer: String,
        isSpooled: Bool = false
    ) throws(RecordingError) -> Int64 {
        try writeDurably("storing a new segment") { db in
            try db.execute(
                sql: """
                    INSERT INTO segment
                        (camera, path, incarnation, firstSequence, lastSequence, start, end, frames, bytes, map, state,
                         writer, arrival, spooled)
                    VALUES (?, ?, ?, ?, ?, ?, ?, 0, 0, x'', 0, ?, ?, ?)
                    """,
                arguments: [
                    camera.text, path, Int64(bitPattern: incarnation), Int64(bitPattern: sequence),
                    Int64(bitPattern: sequence), start, start, writer, try arrival(db), isSpooled,
                ])
            return db.lastInsertedRowID
        }
    }

    /// The part of a segment that is on disk.
    struct Progress {
        let id: Int64
        let camera: Name
        let incarnation: UInt64
        let sequence: UInt64
        let end: Int64
        let frames: Int
        let bytes: UInt64
        let map: [UInt8]
        let isSpooled: Bool
    }

    /// Stores the progress of an open segment, and moves the camera's cursor.
    ///
    /// - Throws: `superseded` if another archive has completed the segment.
    func record(_ progress: Progress) throws(RecordingError) {
        try write("storing a segment's progress") { db in try record(progress, db) }
    }

    private func record(_ segment: Progress, _ db: Database) throws {
        try db.execute(
            sql: """
                UPDATE segment SET lastSequence = ?, end = ?, frames = ?, bytes = ?, map = ?, arrival = ?
                WHERE id = ? AND state = 0
                """,
            arguments: [
                Int64(bitPattern: segment.sequence), segment.end, segment.frames, Int64(clamping: segment.bytes),
                Data(segment.map), try arrival(db), segment.id,
            ])
        // The archive that completed it has received later frames. The cursor must not move back behind them.
        guard db.changesCount == 1 else { throw RecordingError.superseded(path: "\(segment.camera)") }
        guard !segment.isSpooled else { return }
        try Self.setCursor(
            segment.camera, .jpeg, incarnation: segment.incarnation, sequence: segment.sequence, time: segment.end, db)
    }

    /// Completes a segment, and adds its link to the chain.
    func complete(_ last: Progress, path: String, digest: [UInt8]) throws(RecordingError) {
        try write("completing a segment") { db in
            try record(last, db)
            try db.execute(sql: "UPDATE segment SET state = 1 WHERE id = ?", arguments: [last.id])
            if last.isSpooled { try Self.fillGaps(withSegment: last.id, db) }
            try EvidenceChain.append(path: path, digest: digest, db)
        }
    }

    /// Whether a row for a path exists. The path is relative to the folder.
    func contains(path: String) throws(RecordingError) -> Bool {
        try read("finding a recording") { db in
            try Int.fetchOne(db, sql: "SELECT 1 FROM segment WHERE path = ?", arguments: [path]) == 1
        }
    }

    /// Returns the start of the segment that arrived last from a camera, UTC microseconds; `nil` if there is none.
    func lastStart(of camera: Name) throws(RecordingError) -> Int64? {
        try read("finding a recording") { db in
            try Int64.fetchOne(
                db, sql: "SELECT start FROM segment WHERE camera = ? ORDER BY arrival DESC, id DESC LIMIT 1",
                arguments: [camera.text])
        }
    }

    /// Deletes the row of a segment without usable frames.
    func forget(_ id: Int64) throws(RecordingError) {
        try write("deleting an empty segment") { db in
            try db.execute(sql: "DELETE FROM segment WHERE id = ?", arguments: [id])
        }
    }

    /// Returns the present state of a segment; `nil` if it was removed.
    func segment(_ id: Int64) throws(RecordingError) -> SegmentRow? {
        try read("finding a recording") { db in
            try Row.fetchOne(db, sql: "SELECT \(Self.columns) FROM segment WHERE id = ?", arguments: [id])
                .flatMap(Self.segment)
        }
    }

    /// Returns the segments that overlap a range.
    package func segments(of camera: Name?, from: Int64, to: Int64) throws(RecordingError) -> [SegmentRow] {
        try segments(of: camera, from: from, to: to, limit: .max).entries
    }

    package func segments(
        of camera: Name?, from: Int64, to: Int64, limit: Int
    ) throws(RecordingError) -> Page<SegmentRow> {
        try read("finding recordings") { db in
            // The maximum duration of a segment bounds its start from below, so that SQLite's index on the start is
            // used.
            let sql =
                "SELECT \(Self.columns) FROM segment WHERE start < ? AND start >= ? AND end >= ? AND state < 2 AND frames > 0"
            let earliest = from.subtractingSaturated(Self.maximumSegmentDuration.microseconds)
            return try Self.page(db, sql, [to, earliest, from], of: camera, limit: limit, Self.segment)
        }
    }

    /// Returns the next segment of a camera that overlaps a range, in the order of their starts.
    ///
    /// - Parameter last: the position of the previous segment; `nil` for the first.
    /// - Returns: the segment and its position. The position holds the stored start. The segment's own start is clamped to
    ///   the limits, so that continuing from it could return the same row again.
    func segment(
        of camera: Name, from: Int64, to: Int64, after last: SegmentPosition?
    ) throws(RecordingError) -> (segment: SegmentRow, position: SegmentPosition)? {
        try read("finding a recording") { db in
            let earliest = from.subtractingSaturated(Self.maximumSegmentDuration.microseconds)
            return try Row.fetchOne(
                db,
                sql: """
                    SELECT \(Self.columns) FROM segment
                    WHERE camera = ? AND start >= ? AND (start, id) > (?, ?) AND start < ? AND end >= ? AND state < 2
                        AND frames > 0
                    ORDER BY start, id LIMIT 1
                    """,
                arguments: [
                    camera.text, max(earliest, last?.start ?? earliest), last?.start ?? Int64.min, last?.id ?? -1, to,
                    from,
                ]
            ).flatMap { row in
                Self.segment(row).map { ($0, SegmentPosition(start: row["start"], id: row["id"])) }
            }
        }
    }

    /// The position of a segment among those of its camera, in the order of their starts.
    struct SegmentPosition {
        let start: Int64
        let id: Int64
    }

    static let maximumSegmentDuration = Duration.seconds(86_400)

    /// Returns the frames of a segment.
    package func map(of segment: SegmentRow) throws(RecordingError) -> [FrameMap.Entry] {
        let bytes = try read("reading a segment's map") { db in
            try Data.fetchOne(db, sql: "SELECT map FROM segment WHERE id = ?", arguments: [segment.id])
        }
        guard let bytes,
            let entries = FrameMap.entries(
                Array(bytes), start: segment.start, firstSequence: segment.firstSequence)
        else { throw .index(path: folder.database, operation: "reading a segment's map", reason: "it is damaged") }
        return entries
    }

    /// Returns the hash of a segment's file at its completion or replacement by secam; `nil` if unknown.
    func digest(of segment: SegmentRow) throws(RecordingError) -> [UInt8]? {
        try read("reading a hash") { db in try EvidenceChain.digest(of: segment.path, db) }
    }

    /// Returns the times of a segment or gap, clamped to the limits and in order even if the row is forged.
    static func span(_ row: Row) -> (start: Int64, end: Int64) {
        let start = WireLimits.times.clamping(row["start"])
        return (start, max(start, WireLimits.times.clamping(row["end"])))
    }

    static func segment(_ row: Row) -> SegmentRow? {
        guard let camera = try? Name(row["camera"] as String), let state = SegmentRow.State(rawValue: row["state"])
        else { return nil }
        let (start, end) = span(row)
        return SegmentRow(
            id: row["id"], camera: camera, path: row["path"],
            incarnation: UInt64(bitPattern: row["incarnation"]),
            firstSequence: UInt64(bitPattern: row["firstSequence"]),
            lastSequence: UInt64(bitPattern: row["lastSequence"]), start: start, end: end,
            frames: row["frames"], bytes: UInt64(clamping: row["bytes"] as Int64), state: state,
            isProtected: row["protected"], arrival: RetentionTime(microseconds: row["arrival"]),
            isSpooled: row["spooled"])
    }

    /// Protects the segments that overlap a range from removal, or releases them. Returns these segments.
    package func protect(
        _ isProtected: Bool, camera: Name, from: Int64, to: Int64
    ) throws(RecordingError) -> [SegmentRow] {
        let found = try segments(of: camera, from: from, to: to)
        try write("protecting recordings") { db in
            for segment in found {
                try db.execute(
                    sql: "UPDATE segment SET protected = ? WHERE id = ?", arguments: [isProtected, segment.id])
            }
        }
        return try segments(of: camera, from: from, to: to)
    }
}
