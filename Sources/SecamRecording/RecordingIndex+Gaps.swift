import GRDB
import SecamBase
package import SecamWire

extension RecordingIndex {
    /// Stores a gap, replacing one with the same incarnation and first number.
    func record(_ gap: RecordedGap, of camera: Name) throws(RecordingError) {
        try write("storing a gap") { db in
            try db.execute(
                sql: "INSERT OR REPLACE INTO gap VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                arguments: [
                    camera.text, gap.start, gap.end, Int64(bitPattern: gap.incarnation), Int64(bitPattern: gap.first),
                    Int64(bitPattern: gap.last), Int(gap.reason.rawValue), try arrival(db),
                    Int64(bitPattern: gap.frames),
                ])
        }
    }

    /// Returns the gaps that overlap a range.
    package func gaps(of camera: Name?, from: Int64, to: Int64) throws(RecordingError) -> [FoundGap] {
        try gaps(of: camera, from: from, to: to, limit: .max).entries
    }

    package func gaps(
        of camera: Name?, from: Int64, to: Int64, limit: Int
    ) throws(RecordingError) -> Page<FoundGap> {
        try read("finding gaps") { db in
            let sql = "SELECT * FROM gap WHERE start < ? AND end >= ?"
            return try Self.page(db, sql, [to, from], of: camera, limit: limit) { row in
                guard let camera = try? Name(row["camera"] as String),
                    let reason = GapReason(rawValue: row["reason"])
                else { return nil }
                // Earlier versions stored ranges that are impossible.
                let (start, end) = Self.span(row)
                let missing = SequenceRange(
                    UInt64(bitPattern: row["first"]), through: UInt64(bitPattern: row["last"]))
                return missing.map {
                    let frames = (row["frames"] as Int64?).map { UInt64(bitPattern: $0) }
                    return FoundGap(
                        start: start, end: end, frames: min(frames ?? $0.count, WireLimits.sequence), reason: reason,
                        camera: camera)
                }
            }
        }
    }
}
