import GRDB
import SecamWire

extension RecordingIndex {
    /// The newest entries of a range.
    package struct Page<Entry: Sendable>: Sendable {
        /// The entries in the order of their starts.
        package let entries: [Entry]
        /// The start from which the page is complete, UTC microseconds; `nil` if it holds all entries of the range.
        package let since: Int64?
    }

    /// Queries a page.
    ///
    /// - Parameters:
    ///   - sql: a query with a condition and without an order.
    ///   - camera: the camera whose rows count; `nil` for all cameras.
    ///   - limit: the number of rows. All rows that begin at the same time as the first one are added.
    static func page<Entry>(
        _ db: Database, _ sql: String, _ arguments: StatementArguments, of camera: Name?, limit: Int,
        _ make: (Row) throws -> Entry?
    ) throws -> Page<Entry> {
        let sql = camera == nil ? sql : sql + " AND camera = ?"
        let arguments = camera.map { arguments + [$0.text] } ?? arguments
        let rows = try Row.fetchAll(
            db, sql: sql + " ORDER BY start DESC LIMIT ?", arguments: arguments + [limit < .max ? limit + 1 : limit])
        guard rows.count > limit else { return Page(entries: try rows.reversed().compactMap(make), since: nil) }
        let since: Int64 = rows[limit - 1]["start"]
        let first = try Row.fetchAll(db, sql: sql + " AND start = ?", arguments: arguments + [since])
        let later = rows.prefix { ($0["start"] as Int64) > since }.reversed()
        return Page(entries: try (first + later).compactMap(make), since: WireLimits.times.clamping(since))
    }
}
