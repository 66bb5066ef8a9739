import Foundation
import GRDB
import Glibc
import Logging
import SecamBase
import SecamMedia
package import SecamWire

/// Takes frames out of old recordings, so that they last longer on the same disk; those that stay are as they were.
///
/// The row says first that its file is being thinned (state 3); then the new file takes the old one's place at once;
/// then the row is made from whichever file is there. So an end in between does no harm.
extension RecordingStore {
    /// Microseconds that thinning may take before others have their turn.
    private static let turn: Int64 = 300_000

    /// Thins some of what the cameras' rules want thinner.
    package func thin(_ rules: [Recording.Camera]) throws(RecordingError) {
        let start = MonotonicTime.now
        let clock = try index.clock
        guard clock.doubt == nil else { return }
        for rule in rules where rule.thinAfter > 0 {
            let oldest = clock.time.advanced(by: .seconds(-Int64(rule.thinAfter)))
            while MonotonicTime.now.since(start) < RecordingStore.turn,
                let segment = try index.segmentToThin(of: rule.camera, before: oldest)
            {
                try thin(segment, interval: 1_000_000_000 / Int64(rule.thinRate))
            }
        }
    }

    private func thin(_ segment: SegmentRow, interval: Int64) throws(RecordingError) {
        let map = try index.map(of: segment)
        let path = index.folder.absolute(segment.path)
        // What was changed by somebody else must not get a new link in the chain.
        if index.folder.size(segment.path) != nil, let digest = try index.digest(of: segment),
            try FileDigest.hash(path) != digest
        {
            logger.error(
                "a recording was changed after it was recorded; it is left as it is", metadata: ["file": "\(path)"])
            return try index.leave(segment)
        }
        guard try index.noteThinning(segment) else { return }
        // Hidden, so that nobody takes it for a recording; in the same folder, so that it can take its place at once.
        let temporary = Thinning.temporary(path)
        _ = unsafe unlink(temporary)
        do throws(MediaError) {
            try Thinning.copy(path, to: temporary, segment, map, interval: interval)
        } catch {
            _ = unsafe unlink(temporary)
            try finishThinning(segment)
            throw .media(error)
        }
        guard unsafe rename(temporary, path) == 0 else {
            let reason = unsafe String(cString: strerror(errno))
            try finishThinning(segment)
            throw .file(path: path, operation: "replacing", reason: reason)
        }
        try RecordingFolder.synchronize(String(path[..<(path.lastIndex(of: "/") ?? path.endIndex)]))
        try finishThinning(segment)
    }

    /// Notes what the file holds now.
    func finishThinning(_ segment: SegmentRow) throws(RecordingError) {
        let path = index.folder.absolute(segment.path)
        _ = unsafe unlink(Thinning.temporary(path))
        let known = try index.map(of: segment)
        let entries: [FrameMap.Entry]
        do throws(MediaError) {
            entries = try Thinning.entries(path, segment, known)
        } catch {
            logger.error(
                "a recording cannot be read; it is left as it is",
                metadata: ["file": "\(path)", "reason": "\(error)"])
            return try index.leave(segment)
        }
        var map = FrameMap(start: segment.start)
        for entry in entries { map.append(time: entry.time, sequence: entry.sequence) }
        let size = index.folder.size(segment.path) ?? 0
        try index.noteThinned(segment, map, entries.last, bytes: size, digest: try FileDigest.hash(path))
        giveBack(segment.bytes - min(segment.bytes, size))
    }
}

private enum Thinning {
    static func temporary(_ path: String) -> String {
        let slash = path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex
        return "\(path[..<slash]).\(path[slash...]).thin"
    }

    static func copy(
        _ path: String, to target: String, _ segment: SegmentRow, _ map: [FrameMap.Entry], interval: Int64
    ) throws(MediaError) {
        let reader = try MediaReader(url: path)
        var writer: MatroskaWriter?
        var last: Int64?
        for entry in map {
            guard let frame = try reader.next() else { break }
            // The first one always stays: its time and number are the file's.
            if let last, !FrameInterval.isDue(entry.time, after: last, every: interval) { continue }
            last = entry.time
            let output: MatroskaWriter
            if let writer { output = writer } else { output = try begin(target, segment, frame) }
            writer = output
            var failure: MediaError?
            _ = reader.withJPEG { bytes in
                do throws(MediaError) {
                    try output.write(jpeg: bytes, timestampMicroseconds: entry.time)
                } catch {
                    failure = error
                }
            }
            if let failure { throw failure }
        }
        try writer?.synchronize()
        try writer?.finish()
    }

    private static func begin(
        _ path: String, _ segment: SegmentRow, _ frame: MediaFrame
    ) throws(MediaError) -> MatroskaWriter {
        try MatroskaWriter(
            path: path, width: frame.width, height: frame.height, startMicroseconds: segment.start,
            title: segment.camera.text,
            tags: SegmentTags.of(
                segment.camera, incarnation: segment.incarnation, sequence: segment.firstSequence,
                isSpooled: segment.isSpooled))
    }

    /// The frames of a file, with the times and numbers that the old map has for them.
    static func entries(
        _ path: String, _ segment: SegmentRow, _ map: [FrameMap.Entry]
    ) throws(MediaError) -> [FrameMap.Entry] {
        let reader = try MediaReader(url: path)
        var known = map[...]
        var entries: [FrameMap.Entry] = []
        while let frame = try reader.next() {
            let milliseconds = (frame.timestampMicroseconds + 500) / 1000
            known = known.drop { ($0.time - segment.start + 500) / 1000 < milliseconds }
            guard let entry = known.popFirst() else { break }
            entries.append(entry)
        }
        return entries
    }
}

extension RecordingIndex {
    fileprivate func segmentToThin(of camera: Name, before time: RetentionTime) throws(RecordingError) -> SegmentRow? {
        try read("looking for what is to be thinned") { db in
            try Row.fetchOne(
                db,
                sql: """
                    SELECT \(Self.columns) FROM segment
                    WHERE camera = ? AND arrival < ? AND state = 1 AND protected = 0 AND thinned = 0 AND compressed <> 1
                    ORDER BY arrival, id LIMIT 1
                    """, arguments: [camera.text, time.microseconds]
            ).flatMap(Self.segment)
        }
    }

    /// - Returns: `false` when it may not be thinned any more, as it was protected meanwhile, or is gone.
    fileprivate func noteThinning(_ segment: SegmentRow) throws(RecordingError) -> Bool {
        try writeDurably("noting that a recording is thinned") { db in
            try db.execute(
                sql: "UPDATE segment SET state = 3 WHERE id = ? AND state = 1 AND protected = 0",
                arguments: [segment.id])
            return db.changesCount == 1
        }
    }

    /// A recording whose file cannot be read, or was changed, stays as it is, for `secam archive verify` to tell.
    func leave(_ segment: SegmentRow) throws(RecordingError) {
        try write("leaving a recording as it is") { db in
            try db.execute(
                sql: "UPDATE segment SET state = 1, thinned = 1 WHERE id = ? AND state IN (1, 3)",
                arguments: [segment.id])
        }
    }

    fileprivate func noteThinned(
        _ segment: SegmentRow, _ map: FrameMap, _ last: FrameMap.Entry?, bytes: UInt64, digest: [UInt8]
    ) throws(RecordingError) {
        try write("noting a thinner recording") { db in
            try db.execute(
                sql: """
                    UPDATE segment SET state = 1, thinned = 1, frames = ?, bytes = ?, map = ?, end = ?, lastSequence = ?
                    WHERE id = ?
                    """,
                arguments: [
                    map.count, Int64(clamping: bytes), Data(map.bytes), last?.time ?? segment.end,
                    Int64(bitPattern: last?.sequence ?? segment.lastSequence), segment.id,
                ])
            try EvidenceChain.release(path: segment.path, why: "thinned", at: WallClock.now, db)
            try EvidenceChain.append(path: segment.path, digest: digest, db)
        }
    }
}
