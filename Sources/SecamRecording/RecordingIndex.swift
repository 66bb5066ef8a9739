import GRDB
import SecamBase
import SecamMedia
import SecamWire

/// The index of the recordings on one volume. It is written after the data, and can be rebuilt from the files.
///
/// Several archives on one volume share it. Every call may wait for the disk, so no call belongs on an event loop.
package final class RecordingIndex: Sendable {
    package let folder: RecordingFolder
    /// Identifies the volume, and thus the archives that share it.
    package let volume: UInt64
    let pool: DatabasePool
    let clocks: any ArchiveClocks

    /// The time that a call waits for another process that is writing.
    private static let busyTimeout = Duration.seconds(10)

    /// Opens the index. Creates it if missing.
    package init(_ folder: RecordingFolder, clocks: any ArchiveClocks = HostClocks()) throws(RecordingError) {
        self.folder = folder
        self.clocks = clocks
        try folder.make()
        var configuration = Configuration()
        configuration.busyMode = .timeout(Self.busyTimeout / .seconds(1))
        // In WAL mode a power cut costs the last rows, which can be restored from the files, but never the index. Rows
        // that a file depends on are written durably. The log takes at most a megabyte, since the disk may be small.
        configuration.prepareDatabase { db in
            try db.execute(
                sql: "PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 250; PRAGMA journal_size_limit = 1048576"
            )
        }
        // Two archives that start at once must not both create the tables.
        let lock: FileLock
        do throws(SecretFile.Failure) {
            lock = try FileLock("\(folder.index)/opening")
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
        _ = consume lock
        // Fails on a full disk. The clock then counts from now until a later call stores it.
        _ = try? advanceClock()
    }

    /// Runs a transaction.
    ///
    /// - Parameter operation: the operation as an error names it.
    func write<Result>(_ operation: String, _ body: (Database) throws -> Result) throws(RecordingError)
        -> Result
    {
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

    /// Runs a transaction that is on disk when this returns. For a row that must precede an irrevocable step.
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

    /// Runs a query.
    func read<Result>(_ operation: String, _ body: (Database) throws -> Result) throws(RecordingError) -> Result {
        do {
            return try pool.read(body)
        } catch {
            throw .index(path: folder.database, operation: operation, reason: "\(error)")
        }
    }

    /// Returns the size of all recordings in bytes.
    package func storedBytes() throws(RecordingError) -> UInt64 {
        try read("adding up the recordings") { db in
            UInt64(clamping: try Int64.fetchOne(db, sql: "SELECT CAST(TOTAL(bytes) AS INTEGER) FROM usage") ?? 0)
        }
    }
}
