import GRDB

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
                    -- What was acknowledged to each camera: content as in OPEN
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
                    -- 0 as it came, 1 H.264, 2 as it came for good
                    ALTER TABLE segment ADD COLUMN compressed INTEGER NOT NULL DEFAULT 0;
                    CREATE INDEX segmentUncompressed ON segment (camera, start) WHERE compressed = 0;
                    """)
        }
        migrator.registerMigration("3 thumbnails") { db in
            try db.execute(
                sql: """
                    -- NULL while there is none yet, empty when there is none to be had
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
        return migrator
    }
}
