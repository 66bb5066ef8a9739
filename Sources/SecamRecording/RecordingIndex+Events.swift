import Foundation
import GRDB
package import SecamWire

extension RecordingIndex {
    /// Stores an event, replacing its earlier state.
    ///
    /// - Parameter incarnation: the run of the camera that reported the event.
    package func record(_ event: CameraEvent, of camera: Name, incarnation: UInt64) throws(RecordingError) {
        try write("storing an event") { db in
            try db.execute(
                sql: """
                    INSERT INTO event (camera, id, incarnation, start, last, isOver, fields, arrival)
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                    ON CONFLICT (camera, id) DO UPDATE SET incarnation = excluded.incarnation, start = excluded.start,
                        last = excluded.last, isOver = excluded.isOver, fields = excluded.fields,
                        arrival = excluded.arrival
                    """,
                arguments: [
                    camera.text, Int64(bitPattern: event.id), Int64(bitPattern: incarnation), event.start, event.last,
                    event.state == .end, Data(EventFields.encode(event)), try arrival(db),
                ])
        }
    }

    /// Ends events whose end will not arrive: those of earlier incarnations, and after a gap those of this one.
    ///
    /// - Parameter incarnation: the incarnation whose events continue; `nil` for none.
    package func endEvents(of camera: Name, except incarnation: UInt64?) throws(RecordingError) {
        try write("ending events") { db in
            try db.execute(
                // SQLite would choose the primary key, and read all of the camera's events.
                sql: """
                    UPDATE event INDEXED BY eventOngoing SET isOver = 1
                    WHERE camera = ? AND isOver = 0 AND incarnation IS NOT ?
                    """,
                arguments: [camera.text, incarnation.map { Int64(bitPattern: $0) }])
        }
    }

    /// Returns the events that overlap a range.
    package func events(
        of camera: Name?, from: Int64, to: Int64, limit: Int = .max
    ) throws(RecordingError) -> Page<(camera: Name, event: CameraEvent)> {
        try read("finding events") { db in
            let sql = "SELECT camera, start, fields, isOver FROM event WHERE start < ? AND last >= ?"
            return try Self.page(db, sql, [to, from], of: camera, limit: limit) { row in
                guard let camera = try? Name(row["camera"] as String),
                    let event = EventFields.decode(Array(row["fields"] as Data))
                else { return nil }
                // The stored state may lack the end, as when the camera was killed.
                return (camera: camera, event: row["isOver"] && event.state != .end ? event.ended : event)
            }
        }
    }

    /// Returns the events of an incarnation that had not ended when they were last reported.
    ///
    /// - Parameter limit: the maximum number of events; the ones with the latest ends are returned.
    package func openEvents(
        of camera: Name, incarnation: UInt64, limit: Int
    ) throws(RecordingError) -> [CameraEvent] {
        try read("finding events") { db in
            try Data.fetchAll(
                db,
                sql: """
                    SELECT fields FROM event INDEXED BY eventOngoing
                    WHERE camera = ? AND isOver = 0 AND incarnation = ?
                    ORDER BY last DESC LIMIT ?
                    """,
                arguments: [camera.text, Int64(bitPattern: incarnation), limit]
            ).compactMap { EventFields.decode(Array($0)) }
        }
    }
}

/// Stores an event as an EVENT message, whose format the protocol specifies.
enum EventFields {
    static func encode(_ event: CameraEvent) -> [UInt8] {
        Event(flow: 0, incarnation: 0, sequence: 0, event: event).encoded()
    }

    static func decode(_ bytes: [UInt8]) -> CameraEvent? {
        guard let envelope = try? Envelope.readWhole(bytes.span, limit: WireLimits.viewerMessage) else { return nil }
        return try? Event.decode(bytes.span, envelope).event
    }
}
