import Logging
import SecamBase
import SecamMedia
import SecamWire

/// Completes segments whose archive was killed or whose disk failed, and operations that were interrupted.
enum Recovery {
    /// - Parameters:
    ///   - camera: the camera; `nil` for all.
    ///   - isSpooled: whether only spooled, or only live, segments are completed; `nil` for both.
    ///   - sparesWritten: whether to leave a segment to another archive that is still writing it, or to complete it anyway.
    ///   - adoptsFiles: whether files without a row are searched for, which takes a query for each recent file.
    /// - Throws: `busy` if a segment was left to another archive.
    static func finish(
        camera: Name?, isSpooled: Bool? = nil, sparesWritten: Bool, adoptsFiles: Bool = true, in store: RecordingStore
    ) throws(RecordingError) {
        for segment in try store.index.unfinished(of: camera, isSpooled: isSpooled) {
            switch segment.state {
            case .open: try finish(segment, sparesWritten: sparesWritten, in: store)
            case .removing: try store.remove(segment, reason: "as was begun")
            case .thinning: try store.finishThinning(segment)
            case .compressing: try store.finishCompressing(segment)
            case .complete: break
            }
        }
        if let camera, isSpooled != true, adoptsFiles { try adopt(camera, in: store) }
    }

    /// Adds recordings of the last days that have no row to the index. A power cut can cost more of the index than of
    /// the files, and a disk may have been unmounted while it was written.
    private static func adopt(_ camera: Name, in store: RecordingStore) throws(RecordingError) {
        let index = store.index
        let last = min(try index.lastStart(of: camera) ?? .max, WallClock.now)
        let paths = index.folder.files(of: camera, since: last.subtractingSaturated(WallClock.day))
        var adopted: [String] = []
        for path in paths where try !index.contains(path: path) {
            // The archive that is writing a file inserted its row before it created the file.
            guard !RecordingFolder.isWritten(index.folder.absolute(path)) else { continue }
            do {
                if try ArchiveCheck.adopt(path, of: camera, in: index) { adopted.append(path) }
            } catch {
                store.logger.warning(
                    "foreign file ignored", metadata: ["file": "\(path)", "reason": "\(error)"])
            }
        }
        guard let first = adopted.first else { return }
        try store.refreshUsage()
        store.logger.notice(
            "recordings added to index",
            metadata: ["camera": "\(camera)", "count": "\(adopted.count)", "first": "\(first)"])
    }

    /// Completes a segment with the frames up to the last whole one. The file is not changed.
    private static func finish(
        _ segment: SegmentRow, sparesWritten: Bool, in store: RecordingStore
    ) throws(RecordingError) {
        let folder = store.index.folder
        let path = folder.absolute(segment.path)
        guard let size = folder.size(segment.path), size > 0 else {
            // In the empty folder where a disk was mounted, every file seems to be gone.
            try store.checkIdentity()
            return try giveUp(segment, "it is gone", in: store)
        }
        if sparesWritten, RecordingFolder.isWritten(path) { throw .busy(path: path) }
        let scan: SegmentScan
        do {
            scan = try SegmentScan(path, known: store.index.map(of: segment))
        } catch {
            return try giveUp(segment, "\(error)", in: store)
        }
        guard let last = scan.entries.last else { return try giveUp(segment, "it contains no frame", in: store) }
        var map = FrameMap(start: segment.start)
        // A file that replaced the original may claim to be older than its row.
        for entry in scan.entries { map.append(time: max(segment.start, entry.time), sequence: entry.sequence) }
        let progress = RecordingIndex.Progress(
            id: segment.id, camera: segment.camera, incarnation: segment.incarnation, sequence: last.sequence,
            end: max(segment.start, last.time), frames: map.count, bytes: size, map: map.bytes,
            isSpooled: segment.isSpooled)
        try complete(progress, path: segment.path, in: store)
    }

    /// Drops an unreadable segment, which must not keep the camera from being recorded.
    private static func giveUp(
        _ segment: SegmentRow, _ reason: String, in store: RecordingStore
    ) throws(RecordingError) {
        if segment.frames > 0 {
            store.logger.error(
                "recording lost",
                metadata: ["file": "\(segment.path)", "frames": "\(segment.frames)", "reason": "\(reason)"])
            try store.index.folder.renameDamaged(segment.path)
        } else {
            try store.index.folder.remove(segment.path)
        }
        try store.index.forget(segment.id)
    }

    /// Stores a segment whose file is complete in the index.
    static func complete(
        _ progress: RecordingIndex.Progress, path: String, in store: RecordingStore
    ) throws(RecordingError) {
        let folder = store.index.folder
        let size = folder.size(path) ?? progress.bytes
        // The estimate that was counted while writing is never smaller.
        store.release(progress.bytes - min(progress.bytes, size))
        let last = RecordingIndex.Progress(
            id: progress.id, camera: progress.camera, incarnation: progress.incarnation, sequence: progress.sequence,
            end: progress.end, frames: progress.frames, bytes: size, map: progress.map, isSpooled: progress.isSpooled)
        try store.index.complete(last, path: path, digest: try FileDigest.hash(folder.absolute(path)))
    }
}
