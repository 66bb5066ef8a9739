import GRDB
package import SecamWire

/// Frames from a camera's spool fill gaps that were recorded earlier.
extension RecordingIndex {
    /// Returns the numbers of the recorded frames of an incarnation, in order. Adjacent ranges are joined.
    func recordedRanges(of camera: Name, incarnation: UInt64) throws(RecordingError) -> [SequenceRange] {
        let all = try ranges(of: camera, incarnation: incarnation, where: "state < 2 AND frames > 0")
        return all.reduce(into: []) { ranges, next in
            guard let last = ranges.last, next.first <= last.last + 1 else { return ranges.append(next) }
            guard let joined = SequenceRange(last.first, through: max(last.last, next.last)) else { return }
            ranges[ranges.count - 1] = joined
        }
    }

    /// Returns the numbers of the frames in complete spooled segments that overlap a range, in order.
    func spooledRanges(
        of camera: Name, incarnation: UInt64, in range: SequenceRange
    ) throws(RecordingError) -> [SequenceRange] {
        try ranges(
            of: camera, incarnation: incarnation,
            where: "spooled = 1 AND state <> 0 AND firstSequence <= ? AND lastSequence >= ?",
            [Int64(bitPattern: range.last), Int64(bitPattern: range.first)])
    }

    private func ranges(
        of camera: Name, incarnation: UInt64, where condition: String, _ values: StatementArguments = []
    ) throws(RecordingError) -> [SequenceRange] {
        try read("finding recorded frames") { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT firstSequence, lastSequence FROM segment INDEXED BY segmentByIncarnation
                    WHERE camera = ? AND incarnation = ? AND \(condition) ORDER BY firstSequence
                    """, arguments: [camera.text, Int64(bitPattern: incarnation)] + values
            ).compactMap { row in
                SequenceRange(
                    UInt64(bitPattern: row["firstSequence"]), through: UInt64(bitPattern: row["lastSequence"]))
            }
        }
    }

    /// Turns gaps that the spool was to fill into lost frames, once the spool is empty.
    package func endSpooledGaps(of camera: Name) throws(RecordingError) {
        try write("ending gaps") { db in
            try db.execute(
                sql: "UPDATE gap SET reason = ? WHERE camera = ? AND reason = ?",
                arguments: [GapReason.overflow.rawValue, camera.text, GapReason.spooled.rawValue])
        }
    }

    /// Removes the frames of a complete segment from the gaps that they fill.
    static func fillGaps(withSegment id: Int64, _ db: Database) throws {
        guard
            let row = try Row.fetchOne(db, sql: "SELECT \(columns) FROM segment WHERE id = ?", arguments: [id]),
            let segment = segment(row),
            let filled = SequenceRange(segment.firstSequence, through: segment.lastSequence)
        else { return }
        let rows = try Row.fetchAll(
            db, sql: "SELECT * FROM gap WHERE camera = ? AND incarnation = ? AND first <= ? AND last >= ?",
            arguments: [
                segment.camera.text, Int64(bitPattern: segment.incarnation), Int64(bitPattern: filled.last),
                Int64(bitPattern: filled.first),
            ])
        for row in rows {
            guard
                let missing = SequenceRange(
                    UInt64(bitPattern: row["first"]), through: UInt64(bitPattern: row["last"])),
                let overlap = SequenceRange(max(missing.first, filled.first), through: min(missing.last, filled.last))
            else { continue }
            let frames = (row["frames"] as Int64?).map { UInt64(bitPattern: $0) } ?? missing.count
            let left = frames - min(frames, overlap.count)
            let isFromFirst = overlap.first == missing.first
            let isToLast = overlap.last == missing.last
            let key: StatementArguments = [
                segment.camera.text, row["incarnation"] as Int64, row["first"] as Int64,
            ]
            guard left > 0, !(isFromFirst && isToLast) else {
                try db.execute(
                    sql: "DELETE FROM gap WHERE camera = ? AND incarnation = ? AND first = ?", arguments: key)
                continue
            }
            // Frames in the middle of a gap leave both of its ends unchanged.
            let first = isFromFirst ? overlap.last + 1 : missing.first
            let last = !isFromFirst && isToLast ? overlap.first - 1 : missing.last
            let start = isFromFirst ? max(row["start"], segment.end) : row["start"] as Int64
            let end = !isFromFirst && isToLast ? min(row["end"], segment.start) : row["end"] as Int64
            try db.execute(
                sql: """
                    UPDATE OR REPLACE gap SET start = ?, end = ?, first = ?, last = ?, frames = ?
                    WHERE camera = ? AND incarnation = ? AND first = ?
                    """,
                arguments: [
                    min(start, end), max(start, end), Int64(bitPattern: first), Int64(bitPattern: last),
                    Int64(bitPattern: left),
                ] + key)
        }
    }
}
