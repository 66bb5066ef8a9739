import Foundation
import GRDB
import Glibc
import SecamBase
import SecamMedia
package import SecamWire

/// A segment as the index knows it.
package struct SegmentRow: Sendable, Equatable {
    package enum State: Int, Sendable {
        case open = 0
        case complete = 1
        case leaving = 2
        case thinning = 3
        case compressing = 4
    }

    package let id: Int64
    package let camera: Name
    /// Relative to the recordings' folder.
    package let path: String
    package let incarnation: UInt64
    package let firstSequence: UInt64
    package let lastSequence: UInt64
    /// UTC microseconds of the first frame.
    package let start: Int64
    /// UTC microseconds of the last frame.
    package let end: Int64
    package let frames: Int
    package let bytes: UInt64
    package let state: State
    package let isProtected: Bool
    /// When the archive wrote to it last.
    package let arrival: RetentionTime
    /// Its frames came from the camera's spool, beside the live ones.
    package let isSpooled: Bool
}

/// The index of one volume: what is where. It is written after the data, and made anew from the files when it is lost.
///
/// Several archives on one volume share it. Every call may wait for the disk: never on an event loop.
package final class RecordingIndex: Sendable {
    package let folder: RecordingFolder
    /// By which archives that share these recordings are known.
    package let volume: UInt64
    let pool: DatabasePool
    let clocks: any ArchiveClocks

    /// How long a call waits for another process that is writing.
    private static let busySeconds = 10.0

    /// Opens the index, and makes it where there is none.
    package init(_ folder: RecordingFolder, clocks: any ArchiveClocks = HostClocks()) throws(RecordingError) {
        self.folder = folder
        self.clocks = clocks
        try folder.make()
        var configuration = Configuration()
        configuration.busyMode = .timeout(Self.busySeconds)
        // In WAL mode a power cut costs the last rows, which the files tell again, but never the index. Rows that a file
        // depends on are written durably. The log beside it takes no more than a megabyte of a disk that may be small.
        configuration.prepareDatabase { db in
            try db.execute(
                sql: "PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 250; PRAGMA journal_size_limit = 1048576"
            )
        }
        // Two archives that start at once must not both make the same tables.
        let turn: FileLock
        do throws(SecretFile.Failure) {
            turn = try FileLock("\(folder.index)/opening")
        } catch {
            throw .file(path: error.path, operation: "locking", reason: error.reason)
        }
        do {
            pool = try DatabasePool(path: folder.database, configuration: configuration)
            let migrator = IndexSchema.migrator
            guard try !pool.read(migrator.hasBeenSuperseded) else {
                throw RecordingError.newerIndex(path: folder.database)
            }
            try migrator.migrate(pool)
            let number = try pool.read { db in try Int64.fetchOne(db, sql: "SELECT id FROM volume") }
            volume = UInt64(bitPattern: number ?? 0)
        } catch let error as RecordingError {
            throw error
        } catch {
            throw .index(path: folder.database, operation: "opening the index", reason: "\(error)")
        }
        folder.keepOwner()
        _ = consume turn
        // On a disk that is full it is noted later; until then a clock that begins now stands for it.
        _ = try? advanceClock()
    }

    func write<Result>(_ operation: String, _ body: (Database) throws -> Result) throws(RecordingError) -> Result {
        try translated(operation) { try pool.write(body) }
    }

    private func translated<Result>(
        _ operation: String, _ body: () throws -> Result
    ) throws(RecordingError) -> Result {
        do {
            return try body()
        } catch let error as RecordingError {
            throw error
        } catch let error as DatabaseError where error.resultCode == .SQLITE_FULL {
            throw .media(.diskFull(path: folder.database))
        } catch {
            throw .index(path: folder.database, operation: operation, reason: "\(error)")
        }
    }

    /// The same, and on the disk when it returns: for a row that must be there before something that a power cut does not
    /// take back.
    func writeDurably<Result>(
        _ operation: String, _ body: (Database) throws -> Result
    ) throws(RecordingError) -> Result {
        try translated(operation) {
            try pool.writeWithoutTransaction { db in
                try db.execute(sql: "PRAGMA synchronous = FULL")
                defer { try? db.execute(sql: "PRAGMA synchronous = NORMAL") }
                var result: Result?
                try db.inTransaction {
                    result = try body(db)
                    return .commit
                }
                return result!
            }
        }
    }

    func read<Result>(_ operation: String, _ body: (Database) throws -> Result) throws(RecordingError) -> Result {
        do {
            return try pool.read(body)
        } catch {
            throw .index(path: folder.database, operation: operation, reason: "\(error)")
        }
    }

    // MARK: Segments

    /// What a row is made of, without its map, which is much larger than the rest.
    static let columns =
        """
        id, camera, path, incarnation, firstSequence, lastSequence, start, end, frames, bytes, state, writer, protected,
        arrival, spooled
        """

    /// A segment that has just been begun.
    func begin(
        camera: Name, path: String, incarnation: UInt64, sequence: UInt64, start: Int64, writer: String,
        isSpooled: Bool = false
    ) throws(RecordingError) -> Int64 {
        try writeDurably("noting a new segment") { db in
            try db.execute(
                sql: """
                    INSERT INTO segment
                        (camera, path, incarnation, firstSequence, lastSequence, start, end, frames, bytes, map, state,
                         writer, arrival, spooled)
                    VALUES (?, ?, ?, ?, ?, ?, ?, 0, 0, x'', 0, ?, ?, ?)
                    """,
                arguments: [
                    camera.text, path, Int64(bitPattern: incarnation), Int64(bitPattern: sequence),
                    Int64(bitPattern: sequence), start, start, writer, try arrival(db),
                    isSpooled,
                ])
            return db.lastInsertedRowID
        }
    }

    /// What a segment holds durably by now.
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

    func note(_ progress: [Progress]) throws(RecordingError) {
        guard !progress.isEmpty else { return }
        try write("noting what was recorded") { db in
            for segment in progress { try note(segment, db) }
        }
    }

    private func note(_ segment: Progress, _ db: Database) throws {
        try db.execute(
            sql: """
                UPDATE segment SET lastSequence = ?, end = ?, frames = ?, bytes = ?, map = ?, arrival = ?
                WHERE id = ? AND state = 0
                """,
            arguments: [
                Int64(bitPattern: segment.sequence), segment.end, segment.frames, Int64(clamping: segment.bytes),
                Data(segment.map), try arrival(db), segment.id,
            ])
        // Whoever has completed it has read more of the camera's frames than we: our cursor must not go back behind it.
        guard db.changesCount == 1 else { throw RecordingError.superseded(path: "\(segment.camera)") }
        guard !segment.isSpooled else { return }
        try Self.setCursor(
            segment.camera, .jpeg, incarnation: segment.incarnation, sequence: segment.sequence, time: segment.end, db)
    }

    /// A segment is complete: a link of the chain is added to it.
    func complete(_ last: Progress, path: String, digest: [UInt8]) throws(RecordingError) {
        try write("noting a complete segment") { db in
            try note(last, db)
            try db.execute(sql: "UPDATE segment SET state = 1 WHERE id = ?", arguments: [last.id])
            if last.isSpooled { try Self.fillGaps(withSegment: last.id, db) }
            try EvidenceChain.append(path: path, digest: digest, db)
        }
    }

    /// Whether a row is for the file of this path, relative to the folder.
    func knows(path: String) throws(RecordingError) -> Bool {
        try read("looking for a recording") { db in
            try Int.fetchOne(db, sql: "SELECT 1 FROM segment WHERE path = ?", arguments: [path]) == 1
        }
    }

    /// When the last segment that was begun of a camera starts, in UTC microseconds; `nil` when there is none.
    func lastStart(of camera: Name) throws(RecordingError) -> Int64? {
        try read("looking for a recording") { db in
            try Int64.fetchOne(
                db, sql: "SELECT start FROM segment WHERE camera = ? ORDER BY arrival DESC, id DESC LIMIT 1",
                arguments: [camera.text])
        }
    }

    /// A segment of which nothing came to the disk.
    func forget(_ id: Int64) throws(RecordingError) {
        try write("forgetting an empty segment") { db in
            try db.execute(sql: "DELETE FROM segment WHERE id = ?", arguments: [id])
        }
    }

    /// A segment as it is now; `nil` when it is gone.
    func segment(_ id: Int64) throws(RecordingError) -> SegmentRow? {
        try read("looking for a recording") { db in
            try Row.fetchOne(db, sql: "SELECT \(Self.columns) FROM segment WHERE id = ?", arguments: [id])
                .flatMap(Self.segment)
        }
    }

    /// The last entries of a range by their starts.
    package struct Page<Entry: Sendable>: Sendable {
        /// By start.
        package let entries: [Entry]
        /// All that begins then or later is in the page; `nil` when there is no more at all. UTC microseconds.
        package let since: Int64?
    }

    /// - Parameters:
    ///   - sql: with a condition, and without an order.
    ///   - limit: rows that are wanted; those that begin at the same time as the first of them come with it.
    private static func page<Entry>(
        _ db: Database, _ sql: String, _ arguments: StatementArguments, limit: Int, _ make: (Row) throws -> Entry?
    ) throws -> Page<Entry> {
        let rows = try Row.fetchAll(
            db, sql: sql + " ORDER BY start DESC LIMIT ?", arguments: arguments + [limit < .max ? limit + 1 : limit])
        guard rows.count > limit else { return Page(entries: try rows.reversed().compactMap(make), since: nil) }
        let since: Int64 = rows[limit - 1]["start"]
        let first = try Row.fetchAll(db, sql: sql + " AND start = ?", arguments: arguments + [since])
        let later = rows.prefix { ($0["start"] as Int64) > since }.reversed()
        return Page(entries: try (first + later).compactMap(make), since: WireLimits.times.clamping(since))
    }

    /// Segments that have any part in the range.
    package func segments(of camera: Name?, from: Int64, to: Int64) throws(RecordingError) -> [SegmentRow] {
        try segments(of: camera, from: from, to: to, limit: .max).entries
    }

    package func segments(
        of camera: Name?, from: Int64, to: Int64, limit: Int
    ) throws(RecordingError) -> Page<SegmentRow> {
        try read("looking for recordings") { db in
            // A segment is never longer than a day, so that the index on the start can be used from both sides.
            var sql =
                "SELECT \(Self.columns) FROM segment WHERE start < ? AND start >= ? AND end >= ? AND state < 2 AND frames > 0"
            let earliest = from.subtractingSaturated(Self.longestSegment)
            var arguments: StatementArguments = [to, earliest, from]
            if let camera {
                sql += " AND camera = ?"
                arguments += [camera.text]
            }
            return try Self.page(db, sql, arguments, limit: limit, Self.segment)
        }
    }

    /// The next segment of a camera, by start, that has any part in the range.
    ///
    /// - Parameter last: the place of the one before; `nil` for the first.
    /// - Returns: the segment and its place, which is as stored: the segment's own times are bounded, and a place made of
    ///   those would lead back to the same row.
    func segment(
        of camera: Name, from: Int64, to: Int64, after last: SegmentPlace?
    ) throws(RecordingError) -> (segment: SegmentRow, place: SegmentPlace)? {
        try read("looking for a recording") { db in
            let earliest = from.subtractingSaturated(Self.longestSegment)
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
                Self.segment(row).map { ($0, SegmentPlace(start: row["start"], id: row["id"])) }
            }
        }
    }

    /// Where a segment stands among those of its camera, by start.
    struct SegmentPlace {
        let start: Int64
        let id: Int64
    }

    /// Microseconds.
    static let longestSegment: Int64 = 86_400_000_000

    /// The frames of a segment.
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

    /// The hash of a segment's file as it was recorded, or last replaced by us; `nil` when none is known.
    func digest(of segment: SegmentRow) throws(RecordingError) -> [UInt8]? {
        try read("looking for a hash") { db in try EvidenceChain.digest(of: segment.path, db) }
    }

    /// The times of a segment or gap, within the limits and in order whatever is stored.
    private static func span(_ row: Row) -> (start: Int64, end: Int64) {
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

    /// Protects segments that have any part in the range, or lets them go.
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

    // MARK: Events and gaps

    /// - Parameter incarnation: of the camera that told it.
    package func note(_ event: CameraEvent, of camera: Name, incarnation: UInt64) throws(RecordingError) {
        try write("noting an event") { db in
            try db.execute(
                sql: """
                    INSERT INTO event (camera, id, incarnation, start, last, isOver, fields, arrival)
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                    ON CONFLICT (camera, id) DO UPDATE SET incarnation = excluded.incarnation, start = excluded.start,
                        last = excluded.last, isOver = excluded.isOver, fields = excluded.fields,
                        arrival = excluded.arrival
                    """,
                arguments: [
                    camera.text, Int64(bitPattern: event.id), Int64(bitPattern: incarnation), event.start, event.last,
                    event.state == .end, Data(EventFields.encode(event)), try arrival(db),
                ])
        }
    }

    /// Ends events of which nothing will be heard any more: those of earlier runs of the camera, or of this one too
    /// after a gap in what it told.
    ///
    /// - Parameter incarnation: whose events go on; `nil` for none.
    package func endEvents(of camera: Name, except incarnation: UInt64?) throws(RecordingError) {
        try write("ending events") { db in
            try db.execute(
                sql: "UPDATE event SET isOver = 1 WHERE camera = ? AND isOver = 0 AND incarnation IS NOT ?",
                arguments: [camera.text, incarnation.map { Int64(bitPattern: $0) }])
        }
    }

    /// Events that have any part in the range.
    package func events(
        of camera: Name?, from: Int64, to: Int64, limit: Int = .max
    ) throws(RecordingError) -> Page<(camera: Name, event: CameraEvent)> {
        try read("looking for events") { db in
            var sql = "SELECT camera, start, fields, isOver FROM event WHERE start < ? AND last >= ?"
            var arguments: StatementArguments = [to, from]
            if let camera {
                sql += " AND camera = ?"
                arguments += [camera.text]
            }
            return try Self.page(db, sql, arguments, limit: limit) { row in
                guard let camera = try? Name(row["camera"] as String),
                    let event = EventFields.decode(Array(row["fields"] as Data))
                else { return nil }
                // Not every end was told: a camera may have died.
                return (camera: camera, event: row["isOver"] && event.state != .end ? event.ended : event)
            }
        }
    }

    /// Events of a run of the camera that had not ended when they were last heard of.
    package func openEvents(of camera: Name, incarnation: UInt64) throws(RecordingError) -> [CameraEvent] {
        try read("looking for events") { db in
            try Data.fetchAll(
                db, sql: "SELECT fields FROM event WHERE camera = ? AND isOver = 0 AND incarnation = ?",
                arguments: [camera.text, Int64(bitPattern: incarnation)]
            ).compactMap { EventFields.decode(Array($0)) }
        }
    }

    /// Writes a row, in place of one with the same incarnation and first number.
    func note(_ gap: RecordedGap, of camera: Name) throws(RecordingError) {
        try write("noting a gap") { db in
            try db.execute(
                sql: "INSERT OR REPLACE INTO gap VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                arguments: [
                    camera.text, gap.start, gap.end, Int64(bitPattern: gap.incarnation), Int64(bitPattern: gap.first),
                    Int64(bitPattern: gap.last), Int(gap.reason.rawValue), try arrival(db),
                    Int64(bitPattern: gap.frames),
                ])
        }
    }

    /// Gaps that have any part in the range.
    package func gaps(of camera: Name?, from: Int64, to: Int64) throws(RecordingError) -> [Found.Missing] {
        try gaps(of: camera, from: from, to: to, limit: .max).entries
    }

    package func gaps(
        of camera: Name?, from: Int64, to: Int64, limit: Int
    ) throws(RecordingError) -> Page<Found.Missing> {
        try read("looking for gaps") { db in
            var sql = "SELECT * FROM gap WHERE start < ? AND end >= ?"
            var arguments: StatementArguments = [to, from]
            if let camera {
                sql += " AND camera = ?"
                arguments += [camera.text]
            }
            return try Self.page(db, sql, arguments, limit: limit) { row in
                guard let camera = try? Name(row["camera"] as String),
                    let reason = GapReason(rawValue: row["reason"])
                else { return nil }
                // Ranges that no camera can have were stored before they were refused.
                let (start, end) = Self.span(row)
                let missing = SequenceRange(
                    UInt64(bitPattern: row["first"]), through: UInt64(bitPattern: row["last"]))
                return missing.map {
                    let frames = (row["frames"] as Int64?).map { UInt64(bitPattern: $0) }
                    return Found.Missing(
                        start: start, end: end, frames: min(frames ?? $0.count, WireLimits.sequence), reason: reason,
                        camera: camera)
                }
            }
        }
    }

    // MARK: Cursors

    package struct Cursor: Sendable, Equatable {
        package let incarnation: UInt64
        package let sequence: UInt64
        /// UTC microseconds of that frame or event.
        package let time: Int64

        package init(incarnation: UInt64, sequence: UInt64, time: Int64) {
            self.incarnation = incarnation
            self.sequence = sequence
            self.time = time
        }
    }

    /// Up to where a camera's frames or events have been taken; `nil` when nothing has been.
    package func cursor(of camera: Name, _ content: FlowContent) throws(RecordingError) -> Cursor? {
        try read("reading a cursor") { db in try Self.cursor(of: camera, content, db) }
    }

    static func cursor(of camera: Name, _ content: FlowContent, _ db: Database) throws -> Cursor? {
        try Row.fetchOne(
            db, sql: "SELECT * FROM cursor WHERE camera = ? AND content = ?",
            arguments: [camera.text, Int(content.rawValue)]
        ).flatMap { row in
            let cursor = Cursor(
                incarnation: UInt64(bitPattern: row["incarnation"]), sequence: UInt64(bitPattern: row["sequence"]),
                time: row["time"])
            // One that no frame or event can have had would keep the camera from being recorded.
            let isPossible = cursor.sequence <= WireLimits.sequence && WireLimits.times.contains(cursor.time)
            return isPossible ? cursor : nil
        }
    }

    package func setCursor(
        _ camera: Name, _ content: FlowContent, incarnation: UInt64, sequence: UInt64, time: Int64
    ) throws(RecordingError) {
        try write("noting a cursor") { db in
            try Self.setCursor(camera, content, incarnation: incarnation, sequence: sequence, time: time, db)
        }
    }

    static func setCursor(
        _ camera: Name, _ content: FlowContent, incarnation: UInt64, sequence: UInt64, time: Int64, _ db: Database
    ) throws {
        try db.execute(
            sql: "INSERT OR REPLACE INTO cursor VALUES (?, ?, ?, ?, ?)",
            arguments: [
                camera.text, Int(content.rawValue), Int64(bitPattern: incarnation), Int64(bitPattern: sequence), time,
            ])
    }

    /// Rows of recordings of a minute each, from 1970 on and without files, to measure with.
    package func fill(camera: Name, segments: Int) throws(RecordingError) {
        try write("filling the index") { db in
            let row = try db.makeStatement(
                sql: """
                    INSERT INTO segment
                        (camera, path, incarnation, firstSequence, lastSequence, start, end, frames, bytes, map, state,
                         writer)
                    VALUES (?, ?, 1, ?, ?, ?, ?, 1800, 100000000, x'', 1, 'bench')
                    """)
            for number in 0..<Int64(segments) {
                try row.execute(arguments: [
                    camera.text, "\(camera)/\(number)", number * 1800, number * 1800 + 1799, number * 60_000_000,
                    number * 60_000_000 + 59_966_667,
                ])
            }
        }
    }

    /// Bytes of all recordings.
    package func storedBytes() throws(RecordingError) -> UInt64 {
        try read("adding up the recordings") { db in
            UInt64(clamping: try Int64.fetchOne(db, sql: "SELECT CAST(TOTAL(bytes) AS INTEGER) FROM usage") ?? 0)
        }
    }
}

/// An event as an EVENT message, so that the index stores what the wire specifies.
enum EventFields {
    static func encode(_ event: CameraEvent) -> [UInt8] {
        Event(flow: 0, incarnation: 0, sequence: 0, event: event).encoded()
    }

    static func decode(_ bytes: [UInt8]) -> CameraEvent? {
        guard let envelope = try? Envelope.readWhole(bytes.span, limit: WireLimits.viewerMessage) else { return nil }
        return try? Event.decode(bytes.span, envelope).event
    }
}
