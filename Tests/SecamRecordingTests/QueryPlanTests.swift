import GRDB
import SecamBase
import SecamTestSupport
import SecamWire
import Synchronization
import Testing

@testable import SecamRecording

/// The statements that a camera's peer can cause often. Without an index they would read all rows of a camera, which can
/// be a hundred thousand.
@Suite struct QueryPlanTests {
    private let recordings: Recordings

    init() throws { recordings = try Recordings() }

    /// Returns SQLite's plans for the statements that a body executes.
    private func plans(_ body: () throws -> Void) throws -> [String] {
        let statements = Mutex<[String]>([])
        let pool = recordings.index.pool
        let observe: (Database) -> Void = { db in
            db.trace { event in statements.withLock { $0.append(event.expandedDescription) } }
        }
        pool.writeWithoutTransaction(observe)
        try pool.read(observe)
        try body()
        pool.writeWithoutTransaction { $0.trace(nil) }
        try pool.read { $0.trace(nil) }
        return try statements.withLock { $0 }.filter { ["SELECT", "UPDATE"].contains($0.prefix(6)) }.map { statement in
            try pool.read { db in
                try Row.fetchAll(db, sql: "EXPLAIN QUERY PLAN " + statement).map { $0["detail"] as String }
                    .joined(separator: "; ")
            }
        }
    }

    @Test func `events that continue are found without those that ended`() throws {
        let found = try plans {
            try recordings.index.endEvents(of: recordings.camera, except: 9)
            try recordings.index.endEvents(of: recordings.camera, except: nil)
            _ = try recordings.index.openEvents(of: recordings.camera, incarnation: 9, limit: 64)
        }
        #expect(found.count == 3)
        #expect(found.allSatisfy { $0.contains("INDEX eventOngoing") && !$0.contains("TEMP B-TREE") })
    }

    @Test func `events and gaps outside of a range cost no access to the table`() throws {
        let found = try plans {
            _ = try recordings.index.events(of: recordings.camera, from: 5, to: 10, limit: 3)
            _ = try recordings.index.gaps(of: recordings.camera, from: 5, to: 10, limit: 3)
            _ = try ThumbnailReader(recordings.index, camera: recordings.camera, from: 5, to: 10).next(until: .now)
        }
        #expect(found.count == 3)
        #expect(zip(found, ["eventByTime", "gapByTime", "COVERING INDEX eventByTime"]).allSatisfy { $0.contains($1) })
        #expect(found.allSatisfy { !$0.contains("TEMP B-TREE") })
    }

    @Test func `the frames of an incarnation and the next thumbnails are found without a scan`() throws {
        let found = try plans {
            _ = try recordings.index.recordedRanges(of: recordings.camera, incarnation: 9)
            try recordings.store().makeThumbnails()
        }
        #expect(found.contains { $0.contains("segmentByIncarnation (camera=? AND incarnation=?)") })
        #expect(found.contains { $0.contains("eventWithoutThumbnail (camera>?)") })
        #expect(found.allSatisfy { !$0.contains("SCAN event") && !$0.contains("TEMP B-TREE") })
    }
}
