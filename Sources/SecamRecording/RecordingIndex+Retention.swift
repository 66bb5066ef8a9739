internal import Foundation
internal import GRDB
internal import SecamConfig
public import SecamWire

extension RecordingIndex {
    /// Complete segments of a camera that ended before a time and are not protected, oldest first.
    func segments(of camera: Name, before time: Int64) throws(RecordingError) -> [SegmentRow] {
        try read("looking for old recordings") { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT \(Self.columns) FROM segment
                    WHERE camera = ? AND start < ? AND end < ? AND state = 1 AND protected = 0 ORDER BY start
                    """, arguments: [camera.text, time, time]
            ).compactMap(Self.segment)
        }
    }

    /// The oldest complete segments of a camera without which it has no more than so many bytes.
    func surplus(of camera: Name, beyond limit: UInt64) throws(RecordingError) -> [SegmentRow] {
        try read("looking for what is too much") { db in
            let all = try Int64.fetchOne(
                db, sql: "SELECT COALESCE(SUM(bytes), 0) FROM segment WHERE camera = ?", arguments: [camera.text])
            var excess = (all ?? 0) - Int64(clamping: limit)
            guard excess > 0 else { return [] }
            var surplus: [SegmentRow] = []
            let rows = try Row.fetchCursor(
                db,
                sql:
                    "SELECT \(Self.columns) FROM segment WHERE camera = ? AND state = 1 AND protected = 0 ORDER BY start",
                arguments: [camera.text])
            while excess > 0, let row = try rows.next() {
                guard let segment = Self.segment(row) else { continue }
                surplus.append(segment)
                excess -= Int64(clamping: segment.bytes)
            }
            return surplus
        }
    }

    /// The oldest complete segment of all cameras that is not protected.
    func oldestThatMayGo() throws(RecordingError) -> SegmentRow? {
        try read("looking for the oldest recording") { db in
            try Row.fetchOne(
                db, sql: "SELECT \(Self.columns) FROM segment WHERE state = 1 AND protected = 0 ORDER BY start LIMIT 1"
            ).flatMap(Self.segment)
        }
    }

    /// - Returns: the state that it was in; `nil` when it may not go any more, as it was protected meanwhile, or is gone.
    func noteLeaving(_ segment: SegmentRow) throws(RecordingError) -> SegmentRow.State? {
        try write("noting that a recording leaves") { db in
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
    public func remember(_ rules: [Recording.Camera]) throws(RecordingError) -> [Recording.Camera] {
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

    /// Lets go what is known of a camera from before a time, when nothing recorded is left of it.
    func forget(_ camera: Name, before time: Int64) throws(RecordingError) {
        try write("letting old events go") { db in
            let oldest = try Int64.fetchOne(
                db, sql: "SELECT MIN(start) FROM segment WHERE camera = ?", arguments: [camera.text])
            let limit = min(time, oldest ?? time)
            try db.execute(sql: "DELETE FROM event WHERE camera = ? AND last < ?", arguments: [camera.text, limit])
            try db.execute(sql: "DELETE FROM gap WHERE camera = ? AND end < ?", arguments: [camera.text, limit])
        }
    }

    /// Segments that were being written or removed when their archive ended.
    ///
    /// - Parameter camera: only of this one; `nil` for all.
    func unfinished(of camera: Name?) throws(RecordingError) -> [SegmentRow] {
        try read("looking for unfinished recordings") { db in
            try Row.fetchAll(db, sql: "SELECT \(Self.columns) FROM segment WHERE state <> 1")
                .compactMap(Self.segment).filter { camera == nil || $0.camera == camera }
        }
    }
}
