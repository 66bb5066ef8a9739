import Foundation
import GRDB
import SecamBase
import SecamMedia
import SecamWire

/// Looks after recordings from outside of the service.
package enum ArchiveCheck {
    /// Something about which index and files, or files and hashes, do not agree.
    package struct Difference: Sendable, Equatable, CustomStringConvertible {
        package let path: String
        package let what: String

        package var description: String { "\(path): \(what)" }
    }

    /// Compares index and files. Segments that are being written are passed over.
    package static func compare(_ index: RecordingIndex) throws(RecordingError) -> [Difference] {
        let rows = try index.read("listing the recordings") { db in
            try GRDB.Row.fetchAll(db, sql: "SELECT \(RecordingIndex.columns) FROM segment").compactMap(
                RecordingIndex.segment)
        }
        var differences: [Difference] = []
        for row in rows where row.state == .complete {
            guard let size = index.folder.size(row.path) else {
                differences.append(Difference(path: row.path, what: "is in the index but not on the disk"))
                continue
            }
            if size != row.bytes {
                differences.append(
                    Difference(path: row.path, what: "has \(size) bytes, in the index \(row.bytes)"))
            }
        }
        let known = Set(rows.map(\.path))
        for path in index.folder.files() where !known.contains(path) {
            differences.append(Difference(path: path, what: "is on the disk but not in the index"))
        }
        return differences
    }

    package struct Proof: Sendable, Equatable {
        package let differences: [Difference]
        package let segments: Int
        /// Removed by retention or by hand through secam.
        package let released: Int
        /// Of the last link, hexadecimal: who noted it can compare it later.
        package let head: String
    }

    /// Recomputes the chain and all hashes: proves that nothing was changed, or removed other than by retention.
    ///
    /// - Parameter progress: is told how many of how many segments have been looked at.
    package static func verify(
        _ index: RecordingIndex, progress: (Int, Int) -> Void = { _, _ in }
    ) throws(RecordingError) -> Proof {
        let links = try index.read("reading the chain") { db in
            try GRDB.Row.fetchAll(db, sql: "SELECT * FROM link ORDER BY number")
        }
        var differences: [Difference] = []
        var chain = EvidenceChain.empty
        var number: Int64 = 0
        var released = 0
        for (count, link) in links.enumerated() {
            progress(count, links.count)
            let path: String = link["path"]
            let digest = Array(link["digest"] as Data)
            number += 1
            if link["number"] as Int64 != number {
                differences.append(Difference(path: path, what: "a link before it was taken out of the chain"))
                number = link["number"]
            }
            let expected = (try? EvidenceChain.hash(after: chain, path: path, digest: digest)) ?? []
            chain = Array(link["chain"] as Data)
            if chain != expected { differences.append(Difference(path: path, what: "its link in the chain is wrong")) }
            guard (link["gone"] as String?) == nil else {
                released += 1
                continue
            }
            if let difference = try look(index, path, digest) { differences.append(difference) }
        }
        progress(links.count, links.count)
        let head = Hexadecimal.encode(chain)
        return Proof(differences: differences, segments: links.count - released, released: released, head: head)
    }

    private static func look(
        _ index: RecordingIndex, _ path: String, _ digest: [UInt8]
    ) throws(RecordingError) -> Difference? {
        guard index.folder.size(path) != nil else {
            return Difference(path: path, what: "was removed, and not by retention")
        }
        guard try FileDigest.hash(index.folder.absolute(path)) == digest else {
            return Difference(path: path, what: "was changed after it was recorded")
        }
        return nil
    }

    /// How many recordings are there of which an index that is empty knows nothing, as when it was lost.
    package static func forgotten(_ index: RecordingIndex) throws(RecordingError) -> Int {
        let isEmpty = try index.read("looking for recordings") { db in
            try Int.fetchOne(db, sql: "SELECT 1 FROM segment LIMIT 1") == nil
        }
        return isEmpty ? index.folder.files().count : 0
    }

    /// A recording that would be older was made under a wrong clock, in microseconds: ten years.
    private static let longestAge: Int64 = 3650 * 86_400_000_000

    /// Makes the segments of the index anew from the files. Events, gaps, cursors and the chain are kept as far as
    /// there is an index; a file that the chain does not know gets a link of its own.
    ///
    /// - Parameter progress: is told how many of how many files have been read.
    /// - Returns: files that are no recordings.
    package static func rebuild(
        _ index: RecordingIndex, progress: (Int, Int) -> Void = { _, _ in }
    ) throws(RecordingError) -> (segments: Int, foreign: [Difference]) {
        let files = index.folder.files()
        let (protected, arrivals) = try index.read("reading what is protected") { db in
            let known = try GRDB.Row.fetchAll(db, sql: "SELECT path, arrival, protected FROM segment")
            let protected = known.filter { $0["protected"] }.map { $0["path"] as String }
            let arrivals = known.map { ($0["path"] as String, RetentionTime(microseconds: $0["arrival"])) }
            return (Set(protected), Dictionary(arrivals) { first, _ in first })
        }
        var foreign: [Difference] = []
        var rows: [Row] = []
        for (count, path) in files.enumerated() {
            progress(count, files.count)
            do {
                rows.append(try row(path, isProtected: protected.contains(path), index.folder))
            } catch {
                foreign.append(Difference(path: path, what: "is left out: \(error)"))
            }
        }
        progress(files.count, files.count)
        // All at once: an end in between leaves the index as it was.
        try index.write("making the index anew") { db in
            try db.execute(sql: "DELETE FROM segment")
            let clock = try index.clock(db)
            for row in rows { try row.insert(arrival: arrivals[row.path] ?? row.arrival(clock), db) }
        }
        return (rows.count, foreign)
    }

    /// Makes a row from a file, for the camera whose folder it is in; the camera's cursor does not stay behind it.
    ///
    /// - Parameter path: relative to the folder.
    /// - Returns: `false` for a file of another camera, whose earlier folder was called as this one's is.
    static func adopt(_ path: String, of camera: Name, in index: RecordingIndex) throws -> Bool {
        let row = try row(path, isProtected: false, index.folder)
        guard row.camera == camera else { return false }
        try index.write("taking in a recording") { db in
            try row.insert(arrival: row.arrival(try index.clock(db)), db)
            try row.advanceCursor(db)
        }
        return true
    }

    /// A recording as its file tells it.
    private struct Row {
        let path: String
        let camera: Name
        let scan: SegmentScan
        let map: FrameMap
        let bytes: UInt64
        let digest: [UInt8]
        let isProtected: Bool

        /// What it says of its age when the index does not know it: nothing can have arrived before it happened.
        func arrival(_ clock: RetentionClock) -> RetentionTime {
            let end = scan.entries.last?.time ?? scan.start
            let age = clock.expectedWall.subtractingSaturated(end)
            guard (0...ArchiveCheck.longestAge).contains(age) else { return clock.time }
            return clock.time.advanced(by: .microseconds(-age))
        }

        func advanceCursor(_ db: Database) throws {
            guard !scan.isSpooled, let incarnation = scan.incarnation, let last = scan.entries.last else { return }
            if let cursor = try RecordingIndex.cursor(of: camera, .jpeg, db),
                incarnation == cursor.incarnation ? last.sequence <= cursor.sequence : last.time <= cursor.time
            {
                return
            }
            try RecordingIndex.setCursor(
                camera, .jpeg, incarnation: incarnation, sequence: last.sequence, time: last.time, db)
        }

        func insert(arrival: RetentionTime, _ db: Database) throws {
            try db.execute(
                sql: """
                    INSERT INTO segment
                        (camera, path, incarnation, firstSequence, lastSequence, start, end, frames, bytes, map, state,
                         writer, protected, compressed, arrival, spooled)
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1, 'rebuild', ?, ?, ?, ?)
                    """,
                arguments: [
                    camera.text, path, Int64(bitPattern: scan.incarnation ?? 0),
                    Int64(bitPattern: scan.entries.first?.sequence ?? 0),
                    Int64(bitPattern: scan.entries.last?.sequence ?? 0), scan.start,
                    scan.entries.last?.time ?? scan.start, map.count, Int64(clamping: bytes), Data(map.bytes),
                    isProtected, scan.isCompressed, arrival.microseconds, scan.isSpooled,
                ])
            let isKnown = try Int.fetchOne(
                db, sql: "SELECT COUNT(*) FROM link WHERE path = ? AND gone IS NULL", arguments: [path])
            if isKnown == 0 { try EvidenceChain.append(path: path, digest: digest, db) }
        }
    }

    private static func row(_ path: String, isProtected: Bool, _ folder: RecordingFolder) throws -> Row {
        let absolute = folder.absolute(path)
        let scan = try SegmentScan(absolute)
        guard !scan.entries.isEmpty else {
            throw RecordingError.file(path: absolute, operation: "reading", reason: "there is no picture in it")
        }
        // A file that was moved to another camera's folder would not go by the rule of the camera that it came from.
        guard let camera = scan.camera.flatMap({ try? Name($0) }),
            let cameraFolder = path.split(separator: "/").first, CameraFolder.isFolder(cameraFolder, of: camera)
        else {
            throw RecordingError.file(
                path: absolute, operation: "reading",
                reason: "it does not say that it was recorded by secam from the camera of its folder")
        }
        var map = FrameMap(start: scan.start)
        for entry in scan.entries { map.append(time: entry.time, sequence: entry.sequence) }
        return Row(
            path: path, camera: camera, scan: scan, map: map, bytes: folder.size(path) ?? 0,
            digest: try FileDigest.hash(absolute), isProtected: isProtected)
    }
}
