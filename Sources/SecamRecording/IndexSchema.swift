import GRDB
import SecamBase

/// The tables of the index. A migration that was released is never changed: the next one is appended.
///
/// Times are UTC microseconds. 64-bit numbers of the wire are stored as the signed number with the same bits.
enum IndexSchema {
    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1 recordings") { db in
            try db.execute(
                sql: """
                    CREATE TABLE volume (id INTEGER NOT NULL);
                    CREATE TABLE segment (
                        id INTEGER PRIMARY KEY,
                        camera TEXT NOT NULL,
                        path TEXT NOT NULL UNIQUE,
                        incarnation INTEGER NOT NULL,
                        firstSequence INTEGER NOT NULL,
                        lastSequence INTEGER NOT NULL,
                        start INTEGER NOT NULL,
                        end INTEGER NOT NULL,
                        frames INTEGER NOT NULL,
                        bytes INTEGER NOT NULL,
                        map BLOB NOT NULL,
                        -- 0 being written, 1 complete, 2 being removed, 3 being thinned, 4 being compressed
                        state INTEGER NOT NULL,
                        writer TEXT NOT NULL,
                        protected INTEGER NOT NULL DEFAULT 0,
                        thinned INTEGER NOT NULL DEFAULT 0
                    );
                    CREATE INDEX segmentByTime ON segment (camera, start);
                    CREATE INDEX segmentByAge ON segment (start);
                    CREATE INDEX segmentUnfinished ON segment (state) WHERE state <> 1;
                    CREATE TABLE event (
                        camera TEXT NOT NULL,
                        id INTEGER NOT NULL,
                        incarnation INTEGER NOT NULL,
                        start INTEGER NOT NULL,
                        last INTEGER NOT NULL,
                        isOver INTEGER NOT NULL,
                        -- An EVENT message, whose flow, incarnation and sequence mean nothing
                        fields BLOB NOT NULL,
                        PRIMARY KEY (camera, id)
                    ) WITHOUT ROWID;
                    CREATE INDEX eventByTime ON event (camera, start);
                    CREATE TABLE gap (
                        camera TEXT NOT NULL,
                        start INTEGER NOT NULL,
                        end INTEGER NOT NULL,
                        incarnation INTEGER NOT NULL,
                        first INTEGER NOT NULL,
                        last INTEGER NOT NULL,
                        reason INTEGER NOT NULL,
                        PRIMARY KEY (camera, incarnation, first)
                    ) WITHOUT ROWID;
                    CREATE INDEX gapByTime ON gap (camera, start);
                    -- The last acknowledged frame or event of each camera: content as in OPEN
                    CREATE TABLE cursor (
                        camera TEXT NOT NULL,
                        content INTEGER NOT NULL,
                        incarnation INTEGER NOT NULL,
                        sequence INTEGER NOT NULL,
                        time INTEGER NOT NULL,
                        PRIMARY KEY (camera, content)
                    ) WITHOUT ROWID;
                    -- Evidence: one link for each complete segment, in the order in which they were completed
                    CREATE TABLE link (
                        number INTEGER PRIMARY KEY AUTOINCREMENT,
                        path TEXT NOT NULL,
                        digest BLOB NOT NULL,
                        chain BLOB NOT NULL,
                        -- NULL while the file is there as it was; else why it is not, and since when
                        gone TEXT,
                        goneSince INTEGER
                    );
                    CREATE INDEX linkByPath ON link (path) WHERE gone IS NULL;
                    """)
            try db.execute(sql: "INSERT INTO volume VALUES (?)", arguments: [Int64.random(in: 1...Int64.max)])
        }
        migrator.registerMigration("2 compression") { db in
            try db.execute(
                sql: """
                    -- 0 as recorded, 1 H.264, 2 as recorded and never to be compressed
                    ALTER TABLE segment ADD COLUMN compressed INTEGER NOT NULL DEFAULT 0;
                    CREATE INDEX segmentUncompressed ON segment (camera, start) WHERE compressed = 0;
                    """)
        }
        migrator.registerMigration("3 thumbnails") { db in
            try db.execute(
                sql: """
                    -- NULL before the attempt to make one, empty after a failed attempt
                    ALTER TABLE event ADD COLUMN thumbnail BLOB;
                    ALTER TABLE event ADD COLUMN thumbnailWidth INTEGER;
                    ALTER TABLE event ADD COLUMN thumbnailHeight INTEGER;
                    CREATE INDEX eventWithoutThumbnail ON event (start) WHERE thumbnail IS NULL AND isOver = 1;
                    """)
        }
        migrator.registerMigration("4 rules") { db in
            try db.execute(
                sql: """
                    -- The rule that held last for each camera, as a RECORDING message of this one camera
                    CREATE TABLE rule (camera TEXT PRIMARY KEY, fields BLOB NOT NULL) WITHOUT ROWID;
                    """)
        }
        migrator.registerMigration("5 arrival") { db in
            try db.execute(
                sql: """
                    -- The archive's own time, and the readings that it was counted from: see RetentionClock
                    CREATE TABLE clock (
                        id INTEGER PRIMARY KEY CHECK (id = 1),
                        time INTEGER NOT NULL,
                        wallOffset INTEGER NOT NULL,
                        wall INTEGER NOT NULL,
                        uptime INTEGER NOT NULL,
                        boot TEXT NOT NULL,
                        isSynchronized INTEGER NOT NULL,
                        -- NULL, or whether the clock was synchronized before an absence of unknown length
                        absence INTEGER
                    );
                    -- When it arrived, in the archive's own time: age is judged by this
                    ALTER TABLE segment ADD COLUMN arrival INTEGER NOT NULL DEFAULT 0;
                    ALTER TABLE event ADD COLUMN arrival INTEGER NOT NULL DEFAULT 0;
                    ALTER TABLE gap ADD COLUMN arrival INTEGER NOT NULL DEFAULT 0;
                    CREATE INDEX segmentByArrival ON segment (camera, arrival);
                    CREATE INDEX segmentByOverallArrival ON segment (arrival);
                    DROP INDEX segmentUncompressed;
                    CREATE INDEX segmentUncompressed ON segment (camera, arrival) WHERE compressed = 0;
                    CREATE INDEX eventByArrival ON event (camera, arrival);
                    CREATE INDEX gapByArrival ON gap (camera, arrival);
                    -- Bytes of each camera's recordings
                    CREATE TABLE usage (camera TEXT PRIMARY KEY, bytes INTEGER NOT NULL) WITHOUT ROWID;
                    """)
            try ArrivalMigration.run(db)
            try db.execute(
                sql: """
                    -- The casts keep the sums of impossible sizes integers
                    INSERT INTO usage SELECT camera, CAST(TOTAL(bytes) AS INTEGER) FROM segment GROUP BY camera;
                    CREATE TRIGGER usageInserted AFTER INSERT ON segment BEGIN
                        INSERT INTO usage VALUES (new.camera, new.bytes)
                            ON CONFLICT (camera) DO UPDATE SET bytes = CAST(bytes + new.bytes AS INTEGER);
                    END;
                    CREATE TRIGGER usageUpdated AFTER UPDATE OF bytes ON segment WHEN new.bytes <> old.bytes BEGIN
                        UPDATE usage SET bytes = CAST(bytes + new.bytes - old.bytes AS INTEGER)
                            WHERE camera = new.camera;
                    END;
                    CREATE TRIGGER usageDeleted AFTER DELETE ON segment BEGIN
                        UPDATE usage SET bytes = CAST(bytes - old.bytes AS INTEGER) WHERE camera = old.camera;
                    END;
                    """)
        }
        migrator.registerMigration("6 collected gaps") { db in
            try db.execute(
                sql: """
                    -- Frames that are missing between first and last; NULL for all of them
                    ALTER TABLE gap ADD COLUMN frames INTEGER;
                    """)
        }
        migrator.registerMigration("7 spooled segments") { db in
            try db.execute(
                sql: """
                    -- 1 for frames that the camera kept while no archive took them: they come beside the live ones
                    ALTER TABLE segment ADD COLUMN spooled INTEGER NOT NULL DEFAULT 0;
                    CREATE INDEX segmentSpooled ON segment (camera, incarnation, firstSequence) WHERE spooled = 1;
                    CREATE INDEX gapSpooled ON gap (camera) WHERE reason = 3;
                    """)
        }
        migrator.registerMigration("8 covering indexes") { db in
            try db.execute(
                sql: """
                    -- The ends are in the indexes too, so that rows outside of a range cost no access to the table
                    DROP INDEX eventByTime;
                    CREATE INDEX eventByTime ON event (camera, start, last);
                    DROP INDEX gapByTime;
                    CREATE INDEX gapByTime ON gap (camera, start, end);
                    -- The events that continue are few, and those that ended are many
                    CREATE INDEX eventOngoing ON event (camera, incarnation, last) WHERE isOver = 0;
                    DROP INDEX eventWithoutThumbnail;
                    CREATE INDEX eventWithoutThumbnail ON event (camera, arrival)
                        WHERE thumbnail IS NULL AND isOver = 1;
                    CREATE INDEX segmentByIncarnation ON segment (camera, incarnation, firstSequence, lastSequence);
                    """)
        }
        return migrator
    }
}

/// Gives recordings from before the archive had its own time an arrival.
///
/// The order of the rows is the order of arrival. A time before those of earlier rows, or in the future, comes from a
/// wrong clock. Such a row takes the arrival of the row before it, so that a wrong time removes nothing too early.
private enum ArrivalMigration {
    /// 2020-01-01 in UTC microseconds; no archive ran before.
    private static let earliest: Int64 = 1_577_836_800_000_000

    static func run(_ db: Database) throws {
        let now = WallClock.now
        var last: Int64?
        let rows = try Row.fetchCursor(db, sql: "SELECT id, end FROM segment ORDER BY id")
        var arrivals: [(id: Int64, arrival: Int64?)] = []
        while let row = try rows.next() {
            let end: Int64 = row["end"]
            if (earliest...now).contains(end) { last = max(last ?? end, end) }
            arrivals.append((row["id"], last))
        }
        guard let newest = last else {
            // No row has a plausible time: everything counts as arrived now.
            try db.execute(sql: "UPDATE segment SET arrival = ?", arguments: [now])
            try db.execute(sql: "UPDATE event SET arrival = ?", arguments: [now])
            try db.execute(sql: "UPDATE gap SET arrival = ?", arguments: [now])
            return
        }
        let first = arrivals.first { $0.arrival != nil }?.arrival ?? newest
        let update = try db.makeStatement(sql: "UPDATE segment SET arrival = ? WHERE id = ?")
        for (id, arrival) in arrivals { try update.execute(arguments: [arrival ?? first, id]) }
        for (table, time) in [("event", "last"), ("gap", "end")] {
            try db.execute(
                sql: "UPDATE \(table) SET arrival = CASE WHEN \(time) BETWEEN ? AND ? THEN \(time) ELSE ? END",
                arguments: [earliest, newest, newest])
        }
        // The clock judges how long ago the newest recording was made, as after any absence.
        let before = RetentionClock(
            time: RetentionTime(microseconds: newest),
            reading: RetentionClock.Reading(wall: newest, uptime: 0, boot: "", isSynchronized: false), offset: 0,
            absence: nil)
        try before.save(db)
    }
}
