import Foundation
import GRDB
import Glibc
import Logging
import SecamBase
import SecamJPEG
import SecamMedia
package import SecamWire

/// A complete recording that is to be compressed with H.264: a tenth of the disk, at the price of some sharpness.
///
/// It is recorded as it comes first, so that nothing of what is promised of recordings depends on an encoder. Then
/// another file is written beside the old one, by a thread that may take its time; only when that one is complete does
/// the row say that it is being replaced (state 4), the new file takes the old one's place at once, and the row is made
/// from whichever file is there. So an end in between does no harm.
package struct Compression: Sendable {
    let segment: SegmentRow
    let map: [FrameMap.Entry]
    /// Of the file as it was recorded; `nil` when it is not known.
    let digest: [UInt8]?
    let path: String
    /// Of the new file: another one for each archive, since two may come upon the same recording.
    let temporary: String

    package enum Outcome: Sendable, Equatable {
        case made
        /// It would not be smaller, or cannot be compressed at all.
        case useless(String)
        /// The archive ends, or the disk failed: another time.
        case postponed(String)
    }

    /// Hidden, so that nobody takes it for a recording; in the same folder, so that it can take its place at once.
    static func temporary(_ path: String, _ writer: String) -> String {
        let (folder, name) = split(path)
        return "\(folder).\(name).\(writer).small"
    }

    private static func split(_ path: String) -> (folder: Substring, name: Substring) {
        let slash = path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex
        return (path[..<slash], path[slash...])
    }

    /// Removes what archives that are gone left of a new file.
    static func sweep(_ path: String) {
        let (folder, name) = split(path)
        let files = (try? FileManager.default.contentsOfDirectory(atPath: String(folder))) ?? []
        for file in files where file.hasPrefix(".\(name).") && file.hasSuffix(".small") {
            guard !RecordingFolder.isWritten("\(folder)\(file)") else { continue }
            _ = unsafe unlink("\(folder)\(file)")
        }
    }

    /// Writes the new file beside the old one. It takes some milliseconds of processor time a frame.
    ///
    /// - Parameter isCancelled: asked before each frame.
    package func make(_ isCancelled: () -> Bool) -> Outcome {
        _ = unsafe unlink(temporary)
        guard unsafe access(path, F_OK) == 0 || errno != ENOENT else { return .useless("it is gone") }
        do {
            // What was changed by somebody else must not get a new link in the chain.
            if let digest, try FileDigest.hash(path) != digest {
                return .useless("it was changed after it was recorded")
            }
            let frames = try write(isCancelled)
            guard frames == map.count else { return .useless("\(frames) of its \(map.count) frames can be decoded") }
            var status = stat()
            guard unsafe stat(temporary, &status) == 0 else { return .postponed("the new file is gone") }
            guard UInt64(status.st_size) < segment.bytes else { return .useless("it would not be smaller") }
            return .made
        } catch let error as JPEGError {
            return .useless("\(error)")
        } catch is Cancelled {
            return .postponed("the archive ends")
        } catch {
            // The disk, or an encoder that is not there: nothing that is so for ever.
            return .postponed("\(error)")
        }
    }

    private struct Cancelled: Error {}

    private func write(_ isCancelled: () -> Bool) throws -> Int {
        let reader = try MediaReader(url: path)
        var decoder = try JPEGDecoder()
        var picture: [UInt8] = []
        var writer: CompressedWriter?
        var count = 0
        for entry in map {
            guard !isCancelled() else { throw Cancelled() }
            guard let frame = try reader.next(), frame.pixelFormat == .jpeg else { break }
            guard CompressedWriter.takes(width: frame.width, height: frame.height) else { break }
            let output: CompressedWriter
            if let writer { output = writer } else { output = try begin(frame) }
            writer = output
            let needed = PixelFormat.i420.byteCount(width: frame.width, height: frame.height) ?? 0
            if picture.count != needed { picture = [UInt8](repeating: 0, count: needed) }
            var failure: JPEGError?
            _ = reader.withJPEG { jpeg in
                do throws(JPEGError) {
                    var target = picture.mutableSpan
                    let bytes = unsafe jpeg.withUnsafeBytes { unsafe Array($0) }
                    _ = try decoder.decodeI420(bytes.span, into: &target)
                } catch {
                    failure = error
                }
            }
            if let failure { throw failure }
            try output.write(i420: picture.span, timestampMicroseconds: entry.time)
            count += 1
        }
        try writer?.finish()
        return count
    }

    private func begin(_ frame: MediaFrame) throws(MediaError) -> CompressedWriter {
        try CompressedWriter(
            path: temporary, width: frame.width, height: frame.height, startMicroseconds: segment.start,
            title: segment.camera.text,
            tags: SegmentTags.of(
                segment.camera, incarnation: segment.incarnation, sequence: segment.firstSequence,
                isSpooled: segment.isSpooled))
    }
}

extension RecordingStore {
    /// The newest recording that its camera's rule wants compressed and that is not yet; room is kept for the new file
    /// until `end`. The newest, since the oldest ones go first when there is no room.
    package func nextToCompress(_ rules: [Recording.Camera]) throws(RecordingError) -> Compression? {
        let now = MonotonicTime.now
        compressionPauses = compressionPauses.filter { $0.value > now }
        for rule in inTurn(rules) where rule.codec == .h264 {
            guard let segment = try index.segmentToCompress(of: rule.camera, except: Array(compressionPauses.keys))
            else { continue }
            let map = try index.map(of: segment)
            // While nothing may go for it, it waits.
            guard (try? reserve(segment.bytes)) != nil else { return nil }
            lastCompressed = rule.camera
            let path = index.folder.absolute(segment.path)
            return Compression(
                segment: segment, map: map, digest: try index.digest(of: segment), path: path,
                temporary: Compression.temporary(path, writer))
        }
        return nil
    }

    /// From the camera on that is behind the one whose turn it was.
    private func inTurn(_ rules: [Recording.Camera]) -> [Recording.Camera] {
        let sorted = rules.sorted { $0.camera < $1.camera }
        guard let last = lastCompressed else { return sorted }
        return sorted.filter { $0.camera > last } + sorted.filter { $0.camera <= last }
    }

    /// Puts the new file in the old one's place, or lets it be.
    package func end(_ compression: Compression, _ outcome: Compression.Outcome) throws(RecordingError) {
        unreserve()
        let segment = compression.segment
        switch outcome {
        case .made:
            // Protected or let go meanwhile: it stays as it is, or gone.
            guard try index.noteCompressing(segment) else { break }
            let path = compression.path
            guard unsafe rename(compression.temporary, path) == 0 else {
                let reason = unsafe String(cString: strerror(errno))
                try finishCompressing(segment)
                throw .file(path: path, operation: "replacing", reason: reason)
            }
            try RecordingFolder.synchronize(String(path[..<(path.lastIndex(of: "/") ?? path.endIndex)]))
            try finishCompressing(segment)
        case .useless(let reason):
            logger.warning(
                "a recording is not compressed", metadata: ["file": "\(compression.path)", "reason": "\(reason)"])
            try index.leaveUncompressed(segment)
        case .postponed(let reason):
            compressionPauses[segment.id] = MonotonicTime.now.advanced(byMicroseconds: RecordingStore.compressionPause)
            logger.warning(
                "compression postponed", metadata: ["file": "\(compression.path)", "reason": "\(reason)"])
        }
        _ = unsafe unlink(compression.temporary)
    }

    /// Notes what the file is now.
    func finishCompressing(_ segment: SegmentRow) throws(RecordingError) {
        let path = index.folder.absolute(segment.path)
        Compression.sweep(path)
        guard index.folder.size(segment.path) != nil else { return try index.leaveUncompressed(segment) }
        let reader: MediaReader
        do throws(MediaError) {
            reader = try MediaReader(url: path)
        } catch {
            // Which of the two it is must be known: another time.
            throw .media(error)
        }
        guard !reader.format.isMotionJPEG else { return try index.noteAsItWas(segment) }
        let size = index.folder.size(segment.path) ?? 0
        try index.noteCompressed(segment, bytes: size, digest: try FileDigest.hash(path))
        giveBack(segment.bytes - min(segment.bytes, size))
    }
}

extension RecordingIndex {
    /// - Parameter others: which are left out.
    fileprivate func segmentToCompress(
        of camera: Name, except others: [Int64]
    ) throws(RecordingError) -> SegmentRow? {
        try read("looking for what is to be compressed") { db in
            try Row.fetchOne(
                db,
                sql: """
                    SELECT \(Self.columns) FROM segment
                    WHERE camera = ? AND compressed = 0 AND state = 1 AND protected = 0
                        AND id NOT IN (\(others.map(String.init).joined(separator: ",")))
                    ORDER BY arrival DESC, id DESC LIMIT 1
                    """, arguments: [camera.text]
            ).flatMap(Self.segment)
        }
    }

    /// - Returns: `false` when it is not the same any more: protected, thinned, or gone.
    fileprivate func noteCompressing(_ segment: SegmentRow) throws(RecordingError) -> Bool {
        try writeDurably("noting that a recording is compressed") { db in
            try db.execute(
                sql: "UPDATE segment SET state = 4 WHERE id = ? AND state = 1 AND protected = 0 AND bytes = ?",
                arguments: [segment.id, Int64(clamping: segment.bytes)])
            return db.changesCount == 1
        }
    }

    fileprivate func noteCompressed(
        _ segment: SegmentRow, bytes: UInt64, digest: [UInt8]
    ) throws(RecordingError) {
        try write("noting a smaller recording") { db in
            try db.execute(
                sql: "UPDATE segment SET state = 1, compressed = 1, bytes = ? WHERE id = ?",
                arguments: [Int64(clamping: bytes), segment.id])
            try EvidenceChain.release(path: segment.path, why: "compressed", at: WallClock.now, db)
            try EvidenceChain.append(path: segment.path, digest: digest, db)
        }
    }

    /// The new file had not taken the old one's place.
    fileprivate func noteAsItWas(_ segment: SegmentRow) throws(RecordingError) {
        try write("noting a recording") { db in
            try db.execute(sql: "UPDATE segment SET state = 1 WHERE id = ?", arguments: [segment.id])
        }
    }

    /// It is not tried again.
    fileprivate func leaveUncompressed(_ segment: SegmentRow) throws(RecordingError) {
        try write("leaving a recording as it is") { db in
            try db.execute(
                sql: "UPDATE segment SET state = 1, compressed = 2 WHERE id = ? AND state IN (1, 4)",
                arguments: [segment.id])
        }
    }
}
