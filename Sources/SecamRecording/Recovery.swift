import Logging
import SecamBase
import SecamMedia
import SecamWire

/// Ends what was begun: segments whose archive was killed, whose disk failed, or that were being removed.
enum Recovery {
    /// - Parameters:
    ///   - camera: only of this one; `nil` for all.
    ///   - isSpooled: only what was spooled, or only what was not; `nil` for both.
    ///   - isPatient: whether what another archive still writes to is left to it, else it is completed all the same.
    /// - Throws: `busy`, when it was left to another.
    static func finish(
        camera: Name?, isSpooled: Bool? = nil, isPatient: Bool, in vault: RecordingStore
    ) throws(RecordingError) {
        for segment in try vault.index.unfinished(of: camera, isSpooled: isSpooled) {
            switch segment.state {
            case .open: try finish(segment, isPatient: isPatient, in: vault)
            case .leaving: try vault.remove(segment, why: "as was begun")
            case .thinning: try vault.finishThinning(segment)
            case .compressing: try vault.finishCompressing(segment)
            case .complete: break
            }
        }
        if let camera, isSpooled != true { try adopt(camera, in: vault) }
    }

    /// Gives recordings of the last days a row where none knows them, as after a power cut that cost the index more than
    /// the files, or when a disk was unmounted in the middle of it all.
    private static func adopt(_ camera: Name, in vault: RecordingStore) throws(RecordingError) {
        let index = vault.index
        let day: Int64 = 86_400_000_000
        let last = min(try index.lastStart(of: camera) ?? .max, WallClock.now)
        let paths = index.folder.files(of: camera, since: last.subtractingSaturated(day))
        var adopted: [String] = []
        for path in paths where try !index.knows(path: path) {
            // What is being written had its row before its file.
            guard !RecordingFolder.isWritten(index.folder.absolute(path)) else { continue }
            do {
                if try ArchiveCheck.adopt(path, of: camera, in: index) { adopted.append(path) }
            } catch {
                vault.logger.warning(
                    "a file among the recordings is none", metadata: ["file": "\(path)", "reason": "\(error)"])
            }
        }
        guard let first = adopted.first else { return }
        try vault.look()
        vault.logger.notice(
            "recordings without a row in the index taken in",
            metadata: ["camera": "\(camera)", "count": "\(adopted.count)", "first": "\(first)"])
    }

    /// The file is not touched: it is read up to its last whole frame.
    private static func finish(_ segment: SegmentRow, isPatient: Bool, in vault: RecordingStore) throws(RecordingError)
    {
        let folder = vault.index.folder
        let path = folder.absolute(segment.path)
        guard let size = folder.size(segment.path), size > 0 else {
            // In the empty folder in which a disk was mounted, everything would seem to be gone.
            try vault.checkPlace()
            return try giveUp(segment, "it is gone", in: vault)
        }
        if isPatient, RecordingFolder.isWritten(path) { throw .busy(path: path) }
        let scan: SegmentScan
        do {
            scan = try SegmentScan(path, known: vault.index.map(of: segment))
        } catch {
            return try giveUp(segment, "\(error)", in: vault)
        }
        guard let last = scan.entries.last else { return try giveUp(segment, "there is no picture in it", in: vault) }
        var map = FrameMap(start: segment.start)
        // A file that another one took the place of may say that it was recorded before its row.
        for entry in scan.entries { map.append(time: max(segment.start, entry.time), sequence: entry.sequence) }
        let progress = RecordingIndex.Progress(
            id: segment.id, camera: segment.camera, incarnation: segment.incarnation, sequence: last.sequence,
            end: max(segment.start, last.time), frames: map.count, bytes: size, map: map.bytes,
            isSpooled: segment.isSpooled)
        try complete(progress, path: segment.path, in: vault)
    }

    /// Nothing that is unreadable may keep the camera from being recorded.
    private static func giveUp(_ segment: SegmentRow, _ reason: String, in vault: RecordingStore) throws(RecordingError)
    {
        if segment.frames > 0 {
            vault.logger.error(
                "a recording is lost",
                metadata: ["file": "\(segment.path)", "frames": "\(segment.frames)", "reason": "\(reason)"])
        }
        // What cannot be read is kept for people to look at, under a name that is no recording's.
        try vault.index.folder.putAside(segment.path, isWorthless: segment.frames == 0)
        try vault.index.forget(segment.id)
    }

    /// Notes a segment whose file is complete, or as complete as it will ever be.
    static func complete(
        _ progress: RecordingIndex.Progress, path: String, in vault: RecordingStore
    ) throws(RecordingError) {
        let folder = vault.index.folder
        let size = folder.size(path) ?? progress.bytes
        // What was counted while it was written was not less.
        vault.giveBack(progress.bytes - min(progress.bytes, size))
        let last = RecordingIndex.Progress(
            id: progress.id, camera: progress.camera, incarnation: progress.incarnation, sequence: progress.sequence,
            end: progress.end, frames: progress.frames, bytes: size, map: progress.map, isSpooled: progress.isSpooled)
        try vault.index.complete(last, path: path, digest: try FileDigest.hash(folder.absolute(path)))
    }
}

/// What a recording holds, as its file says.
struct SegmentScan {
    let camera: String?
    let incarnation: UInt64?
    let firstSequence: UInt64?
    /// UTC microseconds.
    let start: Int64
    let entries: [FrameMap.Entry]
    let isCompressed: Bool
    /// Its frames came from the camera's spool.
    let isSpooled: Bool

    /// - Parameters:
    ///   - path: of the file.
    ///   - known: what the index knows of its first frames, to the microsecond.
    init(_ path: String, known: [FrameMap.Entry] = []) throws {
        let reader = try MediaReader(url: path)
        isCompressed = !reader.format.isMotionJPEG
        camera = reader.tag(SegmentTags.camera)
        incarnation = reader.tag(SegmentTags.incarnation).flatMap { UInt64($0) }
        firstSequence = reader.tag(SegmentTags.sequence).flatMap { UInt64($0) }
        isSpooled = reader.tag(SegmentTags.spooled) == "1"
        guard let start = known.first?.time ?? reader.tag("creation_time").flatMap(Self.time) else {
            throw RecordingError.file(path: path, operation: "reading", reason: "it does not say when it was recorded")
        }
        self.start = start
        var entries: [FrameMap.Entry] = []
        while let frame = try reader.next() {
            if entries.count < known.count {
                entries.append(known[entries.count])
                continue
            }
            // A file that was made by somebody else may say anything.
            let next = entries.last.map { $0.sequence + 1 } ?? firstSequence ?? 1
            guard next <= WireLimits.sequence, WireLimits.times.contains(start) else { break }
            let time = max(
                entries.last?.time ?? start, WireLimits.times.clamping(start + frame.timestampMicroseconds))
            entries.append(FrameMap.Entry(time: time, sequence: next))
        }
        self.entries = entries
    }

    /// Of a text as `2026-01-02T03:04:05.678901Z`.
    private static func time(_ text: String) -> Int64? { UTCText.microseconds(iso: text) }
}
