import Foundation
import GRDB
import SecamBase
import SecamMedia
import SecamWire

/// Checks, verifies and rebuilds recordings without the archive service.
package enum ArchiveCheck {
    /// A disagreement between the index and the files, or between a file and its recorded hash.
    package struct Difference: Sendable, Equatable, CustomStringConvertible {
        package let path: String
        package let what: String

        package var description: String { "\(path): \(what)" }
    }

    /// Returns the differences between index and files. Segments that are still being written are skipped.
    package static func compare(_ index: RecordingIndex) throws(RecordingError) -> [Difference] {
        let rows = try index.read("listing the recordings") { db in
            try Row.fetchAll(db, sql: "SELECT \(RecordingIndex.columns) FROM segment").compactMap(
                RecordingIndex.segment)
        }
        var differences: [Difference] = []
        for row in rows where row.state == .complete {
            guard let size = index.folder.size(row.path) else {
                differences.append(Difference(path: row.path, what: "is in the index but not on disk"))
                continue
            }
            if size != row.bytes {
                differences.append(
                    Difference(path: row.path, what: "has \(size) bytes on disk but \(row.bytes) in the index"))
            }
        }
        let known = Set(rows.map(\.path))
        for path in index.folder.files() where !known.contains(path) {
            differences.append(Difference(path: path, what: "is on disk but not in the index"))
        }
        return differences
    }

    /// The result of verifying the chain of evidence.
    package struct Proof: Sendable, Equatable {
        package let differences: [Difference]
        package let segments: Int
        /// Segments that retention or `secam archive remove` removed.
        package let released: Int
        /// The hash of the last link, hexadecimal. An operator who keeps a copy can compare it later.
        package let head: String
    }

    /// Recomputes the chain and all hashes. An empty list of differences proves that no recording was changed, and that
    /// only retention removed recordings.
    ///
    /// - Parameter progress: receives the number of segments checked and the number of all segments.
    package static func verify(
        _ index: RecordingIndex, progress: (Int, Int) -> Void = { _, _ in }
    ) throws(RecordingError) -> Proof {
        let links = try index.read("reading the chain") { db in
            try Row.fetchAll(db, sql: "SELECT * FROM link ORDER BY number")
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
                differences.append(Difference(path: path, what: "the link before it was taken out of the chain"))
                number = link["number"]
            }
            let expected = (try? EvidenceChain.hash(after: chain, path: path, digest: digest)) ?? []
            chain = Array(link["chain"] as Data)
            if chain != expected { differences.append(Difference(path: path, what: "its link in the chain is wrong")) }
            guard (link["gone"] as String?) == nil else {
                released += 1
                continue
            }
            if let difference = try checkFile(path, digest, index) { differences.append(difference) }
        }
        progress(links.count, links.count)
        let head = Hexadecimal.encode(chain)
        return Proof(differences: differences, segments: links.count - released, released: released, head: head)
    }

    private static func checkFile(
        _ path: String, _ digest: [UInt8], _ index: RecordingIndex
    ) throws(RecordingError) -> Difference? {
        guard index.folder.size(path) != nil else {
            return Difference(path: path, what: "was removed, but not by retention")
        }
        guard try FileDigest.hash(index.folder.absolute(path)) == digest else {
            return Difference(path: path, what: "was changed after it was recorded")
        }
        return nil
    }

    /// Returns the number of recordings on disk if the index is empty, as after the index was lost; otherwise 0.
    package static func countUnindexed(_ index: RecordingIndex) throws(RecordingError) -> Int {
        let isEmpty = try index.read("finding recordings") { db in
            try Int.fetchOne(db, sql: "SELECT 1 FROM segment LIMIT 1") == nil
        }
        return isEmpty ? index.folder.files().count : 0
    }

    /// The greatest plausible age of a recording, ten years. A file that claims more was recorded under a wrong clock.
    private static let maximumAge = Duration.seconds(3650 * 86_400)

    /// Replaces the segments in the index by those that the files describe. Events, gaps, cursors and the chain are
    /// kept. A file that is not in the chain gets a new link.
    ///
    /// - Parameter progress: receives the number of files read and the number of all files.
    /// - Returns: the number of segments, and the files that are not recordings.
    package static func rebuild(
        _ index: RecordingIndex, progress: (Int, Int) -> Void = { _, _ in }
    ) throws(RecordingError) -> (segments: Int, foreign: [Difference]) {
        let files = index.folder.files()
        let (protected, arrivals) = try index.read("reading protected recordings") { db in
            let known = try Row.fetchAll(db, sql: "SELECT path, arrival, protected FROM segment")
            let protected = known.filter { $0["protected"] }.map { $0["path"] as String }
            let arrivals = known.map { ($0["path"] as String, RetentionTime(microseconds: $0["arrival"])) }
            return (Set(protected), Dictionary(arrivals) { first, _ in first })
        }
        var foreign: [Difference] = []
        var rows: [ScannedSegment] = []
        for (count, path) in files.enumerated() {
            progress(count, files.count)
            do {
                rows.append(try scan(path, isProtected: protected.contains(path), index.folder))
            } catch {
                foreign.append(Difference(path: path, what: "is not included: \(error)"))
            }
        }
        progress(files.count, files.count)
        // One transaction, so that an interruption leaves the index unchanged.
        try index.write("rebuilding the index") { db in
            try db.execute(sql: "DELETE FROM segment")
            let clock = try index.clock(db)
            for row in rows { try row.insert(arrival: arrivals[row.path] ?? row.arrival(clock), db) }
        }
        return (rows.count, foreign)
    }

    /// Adds a file to the index for the camera in whose folder it is, and moves the camera's cursor up to its end.
    ///
    /// - Parameter path: relative to the folder.
    /// - Returns: `false` if the file belongs to another camera whose earlier folder had the same name.
    static func adopt(_ path: String, of camera: Name, in index: RecordingIndex) throws -> Bool {
        let row = try scan(path, isProtected: false, index.folder)
        guard row.camera == camera else { return false }
        try index.write("adding a recording to the index") { db in
            try row.insert(arrival: row.arrival(try index.clock(db)), db)
            try row.advanceCursor(db)
        }
        return true
    }

    /// A recording as its file describes it.
    private struct ScannedSegment {
        let path: String
        let camera: Name
        let scan: SegmentScan
        let map: FrameMap
        let bytes: UInt64
        let digest: [UInt8]
        let isProtected: Bool

        /// Returns the arrival for a file that the index does not know. It cannot have arrived before it was recorded.
        func arrival(_ clock: RetentionClock) -> RetentionTime {
            let end = scan.entries.last?.time ?? scan.start
            let age = clock.expectedWall.subtractingSaturated(end)
            guard (0...ArchiveCheck.maximumAge.microseconds).contains(age) else { return clock.time }
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

    private static func scan(_ path: String, isProtected: Bool, _ folder: RecordingFolder) throws -> ScannedSegment {
        let absolute = folder.absolute(path)
        let scan = try SegmentScan(absolute)
        guard !scan.entries.isEmpty else {
            throw RecordingError.file(path: absolute, operation: "reading", reason: "it contains no frame")
        }
        // In another camera's folder, a recording would be subject to the wrong rule.
        guard let camera = scan.camera.flatMap({ try? Name($0) }),
            let cameraFolder = path.split(separator: "/").first, CameraFolder.isFolder(cameraFolder, of: camera)
        else {
            throw RecordingError.file(
                path: absolute, operation: "reading",
                reason: "its tags do not say that secam recorded it from the camera of its folder")
        }
        var map = FrameMap(start: scan.start)
        for entry in scan.entries { map.append(time: entry.time, sequence: entry.sequence) }
        return ScannedSegment(
            path: path, camera: camera, scan: scan, map: map, bytes: folder.size(path) ?? 0,
            digest: try FileDigest.hash(absolute), isProtected: isProtected)
    }
}
