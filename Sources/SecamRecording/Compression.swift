import Foundation
import GRDB
import Glibc
import Logging
import SecamBase
import SecamJPEG
import SecamMedia
package import SecamWire

/// The compression of one complete recording with H.264. It takes a tenth of the disk and loses some sharpness.
///
/// A recording is stored as it arrives, so that recording does not depend on an encoder. Later a thread of low priority
/// writes a compressed file beside the original. When that file is complete, the row's state becomes 4, the new file
/// replaces the old one atomically, and the row is updated from the file that is there. It can be interrupted at any
/// point.
package struct Compression: Sendable {
    let segment: SegmentRow
    let map: [FrameMap.Entry]
    /// The hash of the file as it was recorded; `nil` if unknown.
    let digest: [UInt8]?
    let path: String
    /// The new file. The name differs for each archive, since two may compress the same recording.
    let temporary: String

    package enum Outcome: Sendable, Equatable {
        case made
        /// The recording cannot be compressed, or would not become smaller.
        case useless(String)
        /// The archive ends or the disk failed; try again later.
        case postponed(String)
    }

    /// Hidden, so that it is not listed as a recording, and in the same folder, so that it can be renamed atomically.
    static func temporary(_ path: String, _ writer: String) -> String {
        let (folder, name) = split(path)
        return "\(folder).\(name).\(writer).small"
    }

    private static func split(_ path: String) -> (folder: Substring, name: Substring) {
        let slash = path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex
        return (path[..<slash], path[slash...])
    }

    /// Removes new files that archives which have ended left behind.
    static func sweep(_ path: String) {
        let (folder, name) = split(path)
        let files = (try? FileManager.default.contentsOfDirectory(atPath: String(folder))) ?? []
        for file in files where file.hasPrefix(".\(name).") && file.hasSuffix(".small") {
            guard !RecordingFolder.isWritten("\(folder)\(file)") else { continue }
            _ = unsafe unlink("\(folder)\(file)")
        }
    }

    /// Writes the new file beside the old one. Takes about 10 ms of processor time per frame of 1280x720.
    ///
    /// - Parameter isCancelled: called before each frame.
    package func make(_ isCancelled: () -> Bool) -> Outcome {
        _ = unsafe unlink(temporary)
        guard unsafe access(path, F_OK) == 0 || errno != ENOENT else { return .useless("it is gone") }
        do {
            // A file that another program has changed must not get a new link in the chain.
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
            // The disk failed, or an encoder is missing: neither is permanent.
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
            guard CompressedWriter.supports(width: frame.width, height: frame.height) else { break }
            let output: CompressedWriter
            if let writer { output = writer } else { output = try makeWriter(frame) }
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

    private func makeWriter(_ frame: MediaFrame) throws(MediaError) -> CompressedWriter {
        try CompressedWriter(
            path: temporary, width: frame.width, height: frame.height, startMicroseconds: segment.start,
            title: segment.camera.text, tags: SegmentTags.of(segment))
    }
}

extension RecordingStore {
    /// Returns the newest recording that its camera's rule wants compressed and that is not compressed yet. Room for
    /// the new file is reserved until `end`. The newest comes first because the oldest are removed first when room is
    /// short.
    package func nextToCompress(_ rules: [Recording.Camera]) throws(RecordingError) -> Compression? {
        let now = MonotonicTime.now
        compressionPauses = compressionPauses.filter { $0.value > now }
        for rule in inTurn(rules) where rule.codec == .h264 {
            guard let segment = try index.segmentToCompress(of: rule.camera, except: Array(compressionPauses.keys))
            else { continue }
            let map = try index.map(of: segment)
            // If nothing can be removed to make room, compression waits.
            guard (try? reserve(segment.bytes)) != nil else { return nil }
            lastCompressed = rule.camera
            let path = index.folder.absolute(segment.path)
            return Compression(
                segment: segment, map: map, digest: try index.digest(of: segment), path: path,
                temporary: Compression.temporary(path, writer))
        }
        return nil
    }

    /// Returns the rules in the order of their cameras, beginning after the camera whose recording was compressed last.
    private func inTurn(_ rules: [Recording.Camera]) -> [Recording.Camera] {
        let sorted = rules.sorted { $0.camera < $1.camera }
        guard let last = lastCompressed else { return sorted }
        return sorted.filter { $0.camera > last } + sorted.filter { $0.camera <= last }
    }

    /// Replaces the old file by the new one, or discards the new one.
    package func end(_ compression: Compression, _ outcome: Compression.Outcome) throws(RecordingError) {
        unreserve()
        let segment = compression.segment
        switch outcome {
        case .made:
            // Fails if the recording was protected or removed meanwhile; it then stays as it is.
            guard try index.markCompressing(segment) else { break }
            let path = compression.path
            guard unsafe rename(compression.temporary, path) == 0 else {
                let reason = "\(SystemError.last)"
                try finishCompressing(segment)
                throw .file(path: path, operation: "replacing", reason: reason)
            }
            try RecordingFolder.synchronize(String(path[..<(path.lastIndex(of: "/") ?? path.endIndex)]))
            try finishCompressing(segment)
        case .useless(let reason):
            logger.warning(
                "compression skipped", metadata: ["file": "\(compression.path)", "reason": "\(reason)"])
            try index.leaveUncompressed(segment)
        case .postponed(let reason):
            compressionPauses[segment.id] = MonotonicTime.now + RecordingStore.compressionPause
            logger.warning(
                "compression postponed", metadata: ["file": "\(compression.path)", "reason": "\(reason)"])
        }
        _ = unsafe unlink(compression.temporary)
    }

    /// Updates the row from the file that is there now.
    func finishCompressing(_ segment: SegmentRow) throws(RecordingError) {
        let path = index.folder.absolute(segment.path)
        Compression.sweep(path)
        guard index.folder.size(segment.path) != nil else { return try index.leaveUncompressed(segment) }
        let reader: MediaReader
        do throws(MediaError) {
            reader = try MediaReader(url: path)
        } catch {
            // Whether it is the old or the new file must be known, so this is tried again later.
            throw .media(error)
        }
        guard !reader.format.isMotionJPEG else { return try index.restoreUncompressed(segment) }
        let size = index.folder.size(segment.path) ?? 0
        try index.recordCompressed(segment, bytes: size, digest: try FileDigest.hash(path))
        release(segment.bytes - min(segment.bytes, size))
    }
}

extension RecordingIndex {
    /// - Parameter others: rows to leave out.
    fileprivate func segmentToCompress(
        of camera: Name, except others: [Int64]
    ) throws(RecordingError) -> SegmentRow? {
        try read("finding a recording to compress") { db in
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

    /// - Returns: `false` if the recording was protected, thinned or removed meanwhile.
    fileprivate func markCompressing(_ segment: SegmentRow) throws(RecordingError) -> Bool {
        try writeDurably("marking a recording as being compressed") { db in
            try db.execute(
                sql: "UPDATE segment SET state = 4 WHERE id = ? AND state = 1 AND protected = 0 AND bytes = ?",
                arguments: [segment.id, Int64(clamping: segment.bytes)])
            return db.changesCount == 1
        }
    }

    fileprivate func recordCompressed(
        _ segment: SegmentRow, bytes: UInt64, digest: [UInt8]
    ) throws(RecordingError) {
        try write("storing a compressed recording") { db in
            try db.execute(
                sql: "UPDATE segment SET state = 1, compressed = 1, bytes = ? WHERE id = ?",
                arguments: [Int64(clamping: bytes), segment.id])
            try EvidenceChain.release(path: segment.path, reason: "compressed", at: WallClock.now, db)
            try EvidenceChain.append(path: segment.path, digest: digest, db)
        }
    }

    /// The new file had not replaced the old one.
    fileprivate func restoreUncompressed(_ segment: SegmentRow) throws(RecordingError) {
        try write("storing a recording") { db in
            try db.execute(sql: "UPDATE segment SET state = 1 WHERE id = ?", arguments: [segment.id])
        }
    }

    /// Leaves a recording uncompressed for good.
    fileprivate func leaveUncompressed(_ segment: SegmentRow) throws(RecordingError) {
        try write("leaving a recording uncompressed") { db in
            try db.execute(
                sql: "UPDATE segment SET state = 1, compressed = 2 WHERE id = ? AND state IN (1, 4)",
                arguments: [segment.id])
        }
    }
}
