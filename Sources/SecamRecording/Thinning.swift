import Foundation
import GRDB
import Glibc
import Logging
import SecamBase
import SecamMedia
package import SecamWire

/// Thinning removes frames from old recordings, so that they last longer on the same disk. The remaining frames do not
/// change.
///
/// The row's state first becomes 3. Then the new file replaces the old one atomically. Then the row is updated from the
/// file that is there. Thinning can be interrupted at any point.
extension RecordingStore {
    /// The time that one call of `thin` may take.
    private static let thinningTimeLimit = Duration.milliseconds(300)

    /// Thins recordings as the cameras' rules demand. The time per call is limited; the next call continues.
    package func thin(_ rules: [Recording.Camera]) throws(RecordingError) {
        let start = MonotonicTime.now
        let clock = try index.clock
        guard clock.doubt == nil else { return }
        for rule in rules where rule.thinAfter > 0 {
            let oldest = clock.time.advanced(by: .seconds(-Int64(rule.thinAfter)))
            while MonotonicTime.now - start < RecordingStore.thinningTimeLimit,
                let segment = try index.segmentToThin(of: rule.camera, before: oldest)
            {
                try thin(segment, interval: .microseconds(1_000_000_000 / Int64(rule.thinRate)))
            }
        }
    }

    private func thin(_ segment: SegmentRow, interval: Duration) throws(RecordingError) {
        let map = try index.map(of: segment)
        let path = index.folder.absolute(segment.path)
        // A file that another program has changed must not get a new link in the chain.
        if index.folder.size(segment.path) != nil, let digest = try index.digest(of: segment),
            try FileDigest.hash(path) != digest
        {
            logger.error("recording changed by another program", metadata: ["file": "\(path)"])
            return try index.leaveUnthinned(segment)
        }
        guard try index.markThinning(segment) else { return }
        // Hidden, so that it is not listed as a recording, and in the same folder, so that it can be renamed
        // atomically.
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
            let reason = "\(SystemError.last)"
            try finishThinning(segment)
            throw .file(path: path, operation: "replacing", reason: reason)
        }
        try RecordingFolder.synchronize(String(path[..<(path.lastIndex(of: "/") ?? path.endIndex)]))
        try finishThinning(segment)
    }

    /// Updates the row from the file that is there now.
    func finishThinning(_ segment: SegmentRow) throws(RecordingError) {
        let path = index.folder.absolute(segment.path)
        _ = unsafe unlink(Thinning.temporary(path))
        let known = try index.map(of: segment)
        let entries: [FrameMap.Entry]
        do throws(MediaError) {
            entries = try Thinning.entries(path, segment, known)
        } catch {
            logger.error(
                "recording unreadable", metadata: ["file": "\(path)", "reason": "\(error)"])
            return try index.leaveUnthinned(segment)
        }
        var map = FrameMap(start: segment.start)
        for entry in entries { map.append(time: entry.time, sequence: entry.sequence) }
        let size = index.folder.size(segment.path) ?? 0
        try index.recordThinned(segment, map, entries.last, bytes: size, digest: try FileDigest.hash(path))
        release(segment.bytes - min(segment.bytes, size))
    }
}

private enum Thinning {
    static func temporary(_ path: String) -> String {
        let slash = path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex
        return "\(path[..<slash]).\(path[slash...]).thin"
    }

    static func copy(
        _ path: String, to target: String, _ segment: SegmentRow, _ map: [FrameMap.Entry], interval: Duration
    ) throws(MediaError) {
        let reader = try MediaReader(url: path)
        let microseconds = interval.microseconds
        var writer: MatroskaWriter?
        var last: Int64?
        for entry in map {
            guard let frame = try reader.next() else { break }
            // The first frame always stays, since its time and number are those of the file.
            if let last, !FrameInterval.isDue(entry.time, after: last, every: microseconds) { continue }
            last = entry.time
            let output: MatroskaWriter
            if let writer { output = writer } else { output = try makeWriter(target, segment, frame) }
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

    private static func makeWriter(
        _ path: String, _ segment: SegmentRow, _ frame: MediaFrame
    ) throws(MediaError) -> MatroskaWriter {
        try MatroskaWriter(
            path: path, width: frame.width, height: frame.height, startMicroseconds: segment.start,
            title: segment.camera.text, tags: SegmentTags.of(segment))
    }

    /// Returns the frames of a file, with their times and numbers from the old map.
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
        try read("finding a recording to thin") { db in
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

    /// - Returns: `false` if the recording was protected or removed meanwhile.
    fileprivate func markThinning(_ segment: SegmentRow) throws(RecordingError) -> Bool {
        try writeDurably("marking a recording as being thinned") { db in
            try db.execute(
                sql: "UPDATE segment SET state = 3 WHERE id = ? AND state = 1 AND protected = 0",
                arguments: [segment.id])
            return db.changesCount == 1
        }
    }

    /// Leaves a recording that is unreadable or was changed as it is, so that `secam archive verify` reports it.
    fileprivate func leaveUnthinned(_ segment: SegmentRow) throws(RecordingError) {
        try write("leaving a recording unthinned") { db in
            try db.execute(
                sql: "UPDATE segment SET state = 1, thinned = 1 WHERE id = ? AND state IN (1, 3)",
                arguments: [segment.id])
        }
    }

    fileprivate func recordThinned(
        _ segment: SegmentRow, _ map: FrameMap, _ last: FrameMap.Entry?, bytes: UInt64, digest: [UInt8]
    ) throws(RecordingError) {
        try write("storing a thinned recording") { db in
            try db.execute(
                sql: """
                    UPDATE segment SET state = 1, thinned = 1, frames = ?, bytes = ?, map = ?, end = ?, lastSequence = ?
                    WHERE id = ?
                    """,
                arguments: [
                    map.count, Int64(clamping: bytes), Data(map.bytes), last?.time ?? segment.end,
                    Int64(bitPattern: last?.sequence ?? segment.lastSequence), segment.id,
                ])
            try EvidenceChain.release(path: segment.path, reason: "thinned", at: WallClock.now, db)
            try EvidenceChain.append(path: segment.path, digest: digest, db)
        }
    }
}
