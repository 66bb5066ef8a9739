import GRDB
import SecamWire

extension RetentionClock {
    init?(_ row: Row) {
        let absence: Bool? = row["absence"]
        self.init(
            time: RetentionTime(microseconds: row["time"]),
            reading: Reading(
                wall: row["wall"], uptime: row["uptime"], boot: row["boot"], isSynchronized: row["isSynchronized"]),
            offset: row["wallOffset"], absence: absence.map { Absence(wasSynchronized: $0) })
    }

    func save(_ db: Database) throws {
        try db.execute(
            sql: "INSERT OR REPLACE INTO clock VALUES (1, ?, ?, ?, ?, ?, ?, ?)",
            arguments: [
                time.microseconds, offset, reading.wall, reading.uptime, reading.boot, reading.isSynchronized,
                absence?.wasSynchronized,
            ])
    }
}

extension RecordingIndex {
    /// Uptime between two notes of the time in the index, in microseconds: each one is written to the disk.
    private static let noteInterval: Int64 = 60_000_000

    /// The archive's time, with what has passed since it was last noted.
    package var clock: RetentionClock {
        get throws(RecordingError) {
            try read("reading the archive's clock") { db in try clock(db) }
        }
    }

    func clock(_ db: Database) throws -> RetentionClock {
        let reading = clocks.reading
        guard let row = try Row.fetchOne(db, sql: "SELECT * FROM clock"), var clock = RetentionClock(row) else {
            return RetentionClock(reading)
        }
        clock.advance(to: reading)
        return clock
    }

    /// The archive's time in a transaction.
    func arrival(_ db: Database) throws -> Int64 { try clock(db).time.microseconds }

    /// Counts the time that has passed, and notes it when that was long enough ago.
    ///
    /// - Returns: the clock, and by how much the wall clock was set, when that is believed.
    package func advanceClock() throws(RecordingError) -> (clock: RetentionClock, step: Duration?) {
        let reading = clocks.reading
        let noted = try read("reading the archive's clock") { db in
            try Row.fetchOne(db, sql: "SELECT * FROM clock").flatMap(RetentionClock.init)
        }
        var clock = noted ?? RetentionClock(reading)
        let before = clock
        let step = clock.advance(to: reading)
        let isFresh =
            noted != nil && step == nil && before.reading.boot == reading.boot && before.absence == clock.absence
            && reading.uptime.subtractingSaturated(before.reading.uptime) < Self.noteInterval
        if isFresh { return (clock, nil) }
        return try write("noting the archive's time") { db in
            // Another archive may have noted it meanwhile.
            let row = try Row.fetchOne(db, sql: "SELECT * FROM clock")
            var clock = row.flatMap(RetentionClock.init) ?? RetentionClock(reading)
            let step = clock.advance(to: reading)
            try clock.save(db)
            return (clock, step)
        }
    }

    /// Takes the wall clock as right from now on, on an operator's word.
    ///
    /// - Parameter isElapsed: whether what it is ahead by really passed, so that recordings are older by as much.
    /// - Returns: the clock as it was before.
    package func confirmClock(isElapsed: Bool) throws(RecordingError) -> RetentionClock {
        try write("confirming the clock") { db in
            let before = try clock(db)
            var clock = before
            if isElapsed { clock.confirmElapsed() } else { clock.confirm() }
            try clock.save(db)
            return before
        }
    }
}
