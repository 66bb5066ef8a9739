import GRDB
package import SecamWire

extension RecordingIndex {
    /// The last frame or event of a camera that is on disk.
    package struct Cursor: Sendable, Equatable {
        package let incarnation: UInt64
        package let sequence: UInt64
        /// The time of that frame or event, UTC microseconds.
        package let time: Int64

        package init(incarnation: UInt64, sequence: UInt64, time: Int64) {
            self.incarnation = incarnation
            self.sequence = sequence
            self.time = time
        }
    }

    /// Returns the cursor of a camera's frames or events; `nil` if none is stored.
    package func cursor(of camera: Name, _ content: FlowContent) throws(RecordingError) -> Cursor? {
        try read("reading a cursor") { db in try Self.cursor(of: camera, content, db) }
    }

    static func cursor(of camera: Name, _ content: FlowContent, _ db: Database) throws -> Cursor? {
        try Row.fetchOne(
            db, sql: "SELECT * FROM cursor WHERE camera = ? AND content = ?",
            arguments: [camera.text, Int(content.rawValue)]
        ).flatMap { row in
            let cursor = Cursor(
                incarnation: UInt64(bitPattern: row["incarnation"]), sequence: UInt64(bitPattern: row["sequence"]),
                time: row["time"])
            // An impossible cursor would keep the camera from being recorded.
            let isPossible = cursor.sequence <= WireLimits.sequence && WireLimits.times.contains(cursor.time)
            return isPossible ? cursor : nil
        }
    }

    package func setCursor(
        _ camera: Name, _ content: FlowContent, incarnation: UInt64, sequence: UInt64, time: Int64
    ) throws(RecordingError) {
        try write("storing a cursor") { db in
            try Self.setCursor(camera, content, incarnation: incarnation, sequence: sequence, time: time, db)
        }
    }

    static func setCursor(
        _ camera: Name, _ content: FlowContent, incarnation: UInt64, sequence: UInt64, time: Int64, _ db: Database
    ) throws {
        try db.execute(
            sql: "INSERT OR REPLACE INTO cursor VALUES (?, ?, ?, ?, ?)",
            arguments: [
                camera.text, Int(content.rawValue), Int64(bitPattern: incarnation), Int64(bitPattern: sequence), time,
            ])
    }
}
