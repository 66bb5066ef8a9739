import GRDB
import SecamBase
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
    /// The uptime between two writes of the clock to the index.
    private static let storeInterval = Duration.seconds(60)

    /// The archive's clock, advanced to the present.
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

    /// Returns the archive's time, within a transaction.
    func arrival(_ db: Database) throws -> Int64 { try clock(db).time.microseconds }

    /// Counts the time that has passed, and stores the clock once a minute and when it changes.
    ///
    /// - Returns: the clock, and the time by which the wall clock was set if the step is trusted.
    package func advanceClock() throws(RecordingError) -> (clock: RetentionClock, step: Duration?) {
        let reading = clocks.reading
        let stored = try read("reading the archive's clock") { db in
            try Row.fetchOne(db, sql: "SELECT * FROM clock").flatMap(RetentionClock.init)
        }
        var clock = stored ?? RetentionClock(reading)
        let before = clock
        let step = clock.advance(to: reading)
        let isFresh =
            stored != nil && step == nil && before.reading.boot == reading.boot && before.absence == clock.absence
            && reading.uptime.subtractingSaturated(before.reading.uptime) < Self.storeInterval.microseconds
        if isFresh { return (clock, nil) }
        return try write("storing the archive's clock") { db in
            // Another archive may have stored it meanwhile.
            let row = try Row.fetchOne(db, sql: "SELECT * FROM clock")
            var clock = row.flatMap(RetentionClock.init) ?? RetentionClock(reading)
            let step = clock.advance(to: reading)
            try clock.save(db)
            return (clock, step)
        }
    }

    /// Trusts the wall clock from now on, as an operator has confirmed.
    ///
    /// - Parameter isElapsed: whether its step counts as time that passed, so that recordings become older.
    /// - Returns: the clock before the confirmation.
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
