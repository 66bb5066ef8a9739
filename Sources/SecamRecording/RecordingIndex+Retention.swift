import Foundation
import GRDB
import SecamBase
package import SecamWire

extension RecordingIndex {
    /// Bytes of each camera's recordings; none of a camera without any.
    func usage() throws(RecordingError) -> [Name: UInt64] {
        try read("adding up each camera's recordings") { db in
            let rows = try Row.fetchAll(db, sql: "SELECT camera, bytes FROM usage WHERE bytes > 0")
            return Dictionary(
                rows.compactMap { row in
                    (try? Name(row["camera"] as String)).map { ($0, UInt64(clamping: row["bytes"] as Int64)) }
                }
            ) { first, _ in first }
        }
    }

    /// Of the segments that may go, the one that arrived first.
    ///
    /// - Parameters:
    ///   - camera: of this one alone; `nil` for all.
    ///   - time: only one that arrived before; `nil` for any.
    func oldestRemovable(
        of camera: Name?, before time: RetentionTime? = nil
    ) throws(RecordingError) -> SegmentRow? {
        try read("looking for the oldest recording") { db in
            var sql = "SELECT \(Self.columns) FROM segment WHERE state = 1 AND protected = 0"
            var arguments = StatementArguments()
            if let camera {
                sql += " AND camera = ?"
                arguments += [camera.text]
            }
            if let time {
                sql += " AND arrival < ?"
                arguments += [time.microseconds]
            }
            return try Row.fetchOne(db, sql: sql + " ORDER BY arrival, id LIMIT 1", arguments: arguments)
                .flatMap(Self.segment)
        }
    }

    /// When the last segment of a camera arrived; `nil` when there is none.
    func lastArrival(of camera: Name) throws(RecordingError) -> RetentionTime? {
        try read("looking for the newest recording") { db in
            try Int64.fetchOne(db, sql: "SELECT MAX(arrival) FROM segment WHERE camera = ?", arguments: [camera.text])
                .map { RetentionTime(microseconds: $0) }
        }
    }

    /// - Returns: the state that it was in; `nil` when it may not go any more, as it was protected meanwhile, or is gone.
    func noteLeaving(_ segment: SegmentRow) throws(RecordingError) -> SegmentRow.State? {
        try writeDurably("noting that a recording leaves") { db in
            let state = try Int.fetchOne(
                db, sql: "SELECT state FROM segment WHERE id = ? AND (state = 1 AND protected = 0 OR state = 2)",
                arguments: [segment.id])
            try db.execute(sql: "UPDATE segment SET state = 2 WHERE id = ? AND state = 1", arguments: [segment.id])
            return state.flatMap(SegmentRow.State.init)
        }
    }

    /// - Parameter why: we let it go; `nil` when somebody else did, of which its link in the chain goes on to tell.
    func noteGone(_ segment: SegmentRow, why: String?) throws(RecordingError) {
        try write("noting that a recording is gone") { db in
            if let why { try EvidenceChain.release(path: segment.path, why: why, at: WallClock.now, db) }
            try db.execute(sql: "DELETE FROM segment WHERE id = ?", arguments: [segment.id])
        }
    }

    /// Keeps the rules of the cameras that are recorded. A camera that is not recorded any more, or away, or gone, keeps
    /// its last rule: what it recorded must not stay for ever.
    ///
    /// - Returns: the rules of all cameras: of those that are not among these, the one that held last.
    package func remember(_ rules: [Recording.Camera]) throws(RecordingError) -> [Recording.Camera] {
        let known = try read("reading the cameras' rules") { db in
            try Data.fetchAll(db, sql: "SELECT fields FROM rule").compactMap { Self.rule(Array($0)) }
        }
        let fresh = rules.filter { !known.contains($0) }
        if !fresh.isEmpty {
            try write("noting the cameras' rules") { db in
                for rule in fresh {
                    try db.execute(
                        sql: "INSERT OR REPLACE INTO rule VALUES (?, ?)",
                        arguments: [rule.camera.text, Data(Recording(cameras: [rule]).encoded())])
                }
            }
        }
        let given = Set(rules.map(\.camera))
        return rules + known.filter { !given.contains($0.camera) }
    }

    private static func rule(_ bytes: [UInt8]) -> Recording.Camera? {
        guard let envelope = try? Envelope.readWhole(bytes.span, limit: WireLimits.meshMessage) else { return nil }
        return try? Recording.decode(bytes.span, envelope).cameras.first
    }

    /// Removes the events and gaps of a camera that arrived before a time and before all that is recorded of it.
    func removeEvents(of camera: Name, before time: RetentionTime) throws(RecordingError) {
        let arguments: StatementArguments = [camera.text, time.microseconds, camera.text]
        let isOld = """
            camera = ? AND arrival < MIN(?, COALESCE((SELECT MIN(arrival) FROM segment WHERE camera = ?), \(Int64.max)))
            """
        let isAny = try read("looking for old events") { db in
            try Int.fetchOne(
                db,
                sql: """
                    SELECT EXISTS (SELECT 1 FROM event WHERE \(isOld)) OR EXISTS (SELECT 1 FROM gap WHERE \(isOld))
                    """, arguments: arguments + arguments) == 1
        }
        guard isAny else { return }
        try write("removing old events") { db in
            try db.execute(sql: "DELETE FROM event WHERE \(isOld)", arguments: arguments)
            try db.execute(sql: "DELETE FROM gap WHERE \(isOld)", arguments: arguments)
        }
    }

    /// Segments that were being written or removed when their archive ended.
    ///
    /// - Parameters:
    ///   - camera: only of this one; `nil` for all.
    ///   - isSpooled: only of what was spooled, or only of what was not; `nil` for both.
    func unfinished(of camera: Name?, isSpooled: Bool? = nil) throws(RecordingError) -> [SegmentRow] {
        try read("looking for unfinished recordings") { db in
            try Row.fetchAll(db, sql: "SELECT \(Self.columns) FROM segment WHERE state <> 1")
                .compactMap(Self.segment)
                .filter { ($0.camera == camera || camera == nil) && ($0.isSpooled == isSpooled || isSpooled == nil) }
        }
    }
}
