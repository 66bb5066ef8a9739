import Foundation
import GRDB
import SecamBase
package import SecamWire

extension RecordingIndex {
    /// Returns the size in bytes of each camera's recordings. Cameras without recordings are missing.
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

    /// Returns the removable segment that arrived first.
    ///
    /// - Parameters:
    ///   - camera: the camera; `nil` for all.
    ///   - time: the time before which the segment must have arrived; `nil` for any.
    func oldestRemovable(
        of camera: Name?, before time: RetentionTime? = nil
    ) throws(RecordingError) -> SegmentRow? {
        try read("finding the oldest recording") { db in
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

    /// Returns the arrival of a camera's last segment; `nil` if there is none.
    func lastArrival(of camera: Name) throws(RecordingError) -> RetentionTime? {
        try read("finding the newest recording") { db in
            try Int64.fetchOne(db, sql: "SELECT MAX(arrival) FROM segment WHERE camera = ?", arguments: [camera.text])
                .map { RetentionTime(microseconds: $0) }
        }
    }

    /// Marks a segment as being removed.
    ///
    /// - Returns: the former state; `nil` if the segment was protected or removed meanwhile.
    func markRemoving(_ segment: SegmentRow) throws(RecordingError) -> SegmentRow.State? {
        try writeDurably("marking a recording as being removed") { db in
            let state = try Int.fetchOne(
                db, sql: "SELECT state FROM segment WHERE id = ? AND (state = 1 AND protected = 0 OR state = 2)",
                arguments: [segment.id])
            try db.execute(sql: "UPDATE segment SET state = 2 WHERE id = ? AND state = 1", arguments: [segment.id])
            return state.flatMap(SegmentRow.State.init)
        }
    }

    /// Deletes the row of a removed segment.
    ///
    /// - Parameter reason: the reason for the removal, stored in the chain; `nil` if another program removed the file. The
    ///   chain then continues to report it as missing.
    func deleteRow(of segment: SegmentRow, reason: String?) throws(RecordingError) {
        try write("deleting a removed recording's row") { db in
            if let reason { try EvidenceChain.release(path: segment.path, reason: reason, at: WallClock.now, db) }
            try db.execute(sql: "DELETE FROM segment WHERE id = ?", arguments: [segment.id])
        }
    }

    /// Stores the rules of the recorded cameras. The last rule of a camera that is no longer recorded remains in force,
    /// so that its recordings do not stay forever.
    ///
    /// - Returns: the given rules, and the last rules of all other cameras.
    package func remember(_ rules: [Recording.Camera]) throws(RecordingError) -> [Recording.Camera] {
        let known = try read("reading the cameras' rules") { db in
            try Data.fetchAll(db, sql: "SELECT fields FROM rule").compactMap { Self.rule(Array($0)) }
        }
        let fresh = rules.filter { !known.contains($0) }
        if !fresh.isEmpty {
            try write("storing the cameras' rules") { db in
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

    /// Removes the events and gaps of a camera that arrived before a time and before all of its recordings.
    func removeEvents(of camera: Name, before time: RetentionTime) throws(RecordingError) {
        let arguments: StatementArguments = [camera.text, time.microseconds, camera.text]
        let isOld = """
            camera = ? AND arrival < MIN(?, COALESCE((SELECT MIN(arrival) FROM segment WHERE camera = ?), \(Int64.max)))
            """
        let isAny = try read("finding old events") { db in
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

    /// Returns the segments that are being written or changed, or were when their archive ended.
    ///
    /// - Parameters:
    ///   - camera: the camera; `nil` for all.
    ///   - isSpooled: whether only spooled, or only live, segments are returned; `nil` for both.
    func unfinished(of camera: Name?, isSpooled: Bool? = nil) throws(RecordingError) -> [SegmentRow] {
        try read("finding unfinished recordings") { db in
            try Row.fetchAll(db, sql: "SELECT \(Self.columns) FROM segment WHERE state <> 1")
                .compactMap(Self.segment)
                .filter { ($0.camera == camera || camera == nil) && ($0.isSpooled == isSpooled || isSpooled == nil) }
        }
    }
}
