import SecamBase
package import SecamWire

/// One camera's recording, segment after segment: of what is live, or of what the camera had spooled, which is recorded
/// beside it. It belongs to the vault's thread.
package final class CameraRecorder {
    /// Up to where everything is on the disk.
    package struct Durable: Sendable, Equatable {
        package let incarnation: UInt64
        package let sequence: UInt64
        /// UTC microseconds of that frame.
        package let time: Int64

        /// Of a frame that need not be recorded, when everything before it is on the disk.
        package init(passing frame: Frame) {
            incarnation = frame.incarnation
            sequence = frame.sequence
            time = frame.timestamp
        }

        init(_ progress: RecordingIndex.Progress) {
            incarnation = progress.incarnation
            sequence = progress.sequence
            time = progress.end
        }
    }

    /// When a segment ends by itself.
    package struct Limits: Sendable {
        /// Microseconds.
        package var longest: Int64 = 60_000_000
        /// Microseconds by which the camera's clock may step back without a new segment; its frames follow at once.
        package var tolerance: Int64 = 1_000_000
        /// Microseconds that a segment lasts at least before a gap ends it.
        package var leastBeforeGap: Int64 = 1_000_000
        /// Segments that may end in a second because of what the pictures are or tell.
        package var cutsPerSecond = 8

        package init() {}
    }

    package let camera: Name
    package let isSpooled: Bool
    private let vault: RecordingStore
    private let limits: Limits
    private var segment: SegmentFile?
    private var last: RecordingIndex.Cursor?
    /// Segments that a change of the pictures has ended, and since when they are counted.
    private var cuts = (since: MonotonicTime.now, count: 0)
    private var gaps = GapCollector()
    /// Of what is spooled: which numbers of a run of the camera were recorded before.
    private var recorded: (incarnation: UInt64, ranges: [SequenceRange])?

    package private(set) var framesRecorded: UInt64 = 0
    package private(set) var bytesRecorded: UInt64 = 0

    /// Goes on where the index says that the camera's recording ended, after whoever wrote before has been tidied up.
    ///
    /// - Parameters:
    ///   - isSpooled: whether for what the camera had spooled. The tape of what is live must have been opened before.
    ///   - isPatient: whether an archive that still writes is given the time to end it.
    /// - Throws: `busy`, when one does.
    package init(
        _ vault: RecordingStore, camera: Name, isSpooled: Bool = false, limits: Limits = Limits(),
        isPatient: Bool = true
    ) throws(RecordingError) {
        self.vault = vault
        self.camera = camera
        self.isSpooled = isSpooled
        self.limits = limits
        try Recovery.finish(camera: camera, isSpooled: isSpooled, isPatient: isPatient, in: vault)
        last = isSpooled ? nil : try vault.index.cursor(of: camera, .jpeg)
    }

    /// The last frame that was taken.
    package var cursor: RecordingIndex.Cursor? { last }

    /// Takes a frame.
    ///
    /// - Parameter jpeg: written as it is.
    /// - Returns: whether it was taken; a frame that was recorded before, or that is no JPEG, is not.
    package func append(_ frame: Frame, _ jpeg: RawSpan) throws(RecordingError) -> Bool {
        if let last, last.incarnation == frame.incarnation, frame.sequence <= last.sequence { return false }
        guard SegmentFile.isJPEG(jpeg), try !wasRecorded(frame) else { return false }
        try cutWhereNeeded(before: frame)
        let cost = UInt64(jpeg.byteCount) + SegmentFile.frameBytes + (segment == nil ? SegmentFile.headBytes : 0)
        try vault.makeRoom(for: cost, of: camera)
        let segment: SegmentFile
        if let open = self.segment { segment = open } else { segment = try begin(frame) }
        self.segment = segment
        let time = max(frame.timestamp, segment.last.time)
        try segment.append(jpeg, time: time, sequence: frame.sequence)
        last = RecordingIndex.Cursor(incarnation: frame.incarnation, sequence: frame.sequence, time: time)
        framesRecorded += 1
        bytesRecorded += UInt64(jpeg.byteCount)
        return true
    }

    /// Whether a spooled frame came before: an archive may have ended without having acknowledged it.
    private func wasRecorded(_ frame: Frame) throws(RecordingError) -> Bool {
        guard isSpooled else { return false }
        if recorded?.incarnation != frame.incarnation {
            // Each costs a look at all that is recorded of the camera.
            try boundCuts()
            let ranges = try vault.index.recordedRanges(of: camera, incarnation: frame.incarnation)
            recorded = (frame.incarnation, ranges)
        }
        return recorded?.ranges.contains { ($0.first...$0.last).contains(frame.sequence) } ?? false
    }

    /// Frames that will not come. A segment's frames are numbered one after the other, so that its numbers are known
    /// without an index: it ends here, if it has only just begun a little later.
    ///
    /// - Parameters:
    ///   - since: UTC microseconds, after which they were captured, as far as the camera knows.
    ///   - until: UTC microseconds, before which they were.
    package func note(_ gap: Gap, since: Int64?, until: Int64?) throws(RecordingError) {
        let start = last?.incarnation == gap.incarnation ? last?.time : since
        let end = until ?? start ?? WallClock.now
        for gap in try unfilled(gap) {
            let row = gaps.add(RecordedGap(gap, start: min(start ?? end, end), end: end), now: .now)
            try vault.index.note(row, of: camera)
        }
        if let segment, segment.duration >= limits.leastBeforeGap { try cut() }
    }

    /// What of a gap the spool has not brought already.
    private func unfilled(_ gap: Gap) throws(RecordingError) -> [Gap] {
        let filled = try vault.index.spooledRanges(of: camera, incarnation: gap.incarnation, in: gap.missing)
        return gap.missing.subtracting(filled).map {
            Gap(
                flow: gap.flow, incarnation: gap.incarnation, missing: $0, reason: gap.reason, since: gap.since,
                until: gap.until)
        }
    }

    /// Brings everything to the disk.
    ///
    /// - Returns: up to where it is there, once it was noted in the index.
    package func synchronize() throws(RecordingError) -> Durable? {
        guard let segment, let progress = try segment.synchronize() else { return nil }
        do throws(RecordingError) {
            try vault.index.note([progress])
        } catch {
            try takeBack(segment, error)
        }
        return Durable(progress)
    }

    /// Ends the segment; what comes next begins another one.
    ///
    /// - Returns: up to where everything is on the disk.
    @discardableResult
    package func cut() throws(RecordingError) -> Durable? {
        guard let segment else { return nil }
        self.segment = nil
        let progress = segment.progress
        try segment.finish()
        do throws(RecordingError) {
            try Recovery.complete(progress, path: segment.path, in: vault)
        } catch {
            try takeBack(segment, error)
        }
        return Durable(progress)
    }

    /// An archive that stood still for so long that another one has completed its file must leave that as it was.
    private func takeBack(_ segment: SegmentFile, _ error: RecordingError) throws(RecordingError) -> Never {
        if case .superseded = error {
            self.segment = nil
            let path = vault.index.folder.absolute(segment.path)
            if let row = try vault.index.segment(segment.id), row.state == .complete {
                segment.abandon(at: row.bytes, of: path)
            }
        }
        throw error
    }

    private func cutWhereNeeded(before frame: Frame) throws(RecordingError) {
        guard let segment else { return }
        let isOther = segment.incarnation != frame.incarnation || segment.size != (frame.width, frame.height)
        let isSetBack = frame.timestamp < segment.last.time - limits.tolerance
        let isOver = frame.timestamp - segment.start >= limits.longest
        // No gap tells of what is left out among what was spooled.
        let isApart = isSpooled && frame.sequence != segment.last.sequence + 1
        if isOther || isSetBack || isOver || isApart { try boundCuts() }
        if isOther || isSetBack || isOver || isApart || segment.bytes >= vault.largestSegment { try cut() }
    }

    /// Each cut is a file, each change of the run a long look: a camera that does nothing else has to wait.
    private func boundCuts() throws(RecordingError) {
        if MonotonicTime.now.since(cuts.since) >= 1_000_000 { cuts = (.now, 0) }
        cuts.count += 1
        guard cuts.count <= limits.cutsPerSecond else { throw .restless(camera: camera.text) }
    }

    private func begin(_ frame: Frame) throws(RecordingError) -> SegmentFile {
        let folder = vault.index.folder
        try vault.checkPlace()
        let day = try folder.makeDay(camera, at: frame.timestamp)
        for attempt in 1...1000 {
            let path = RecordingFolder.segment(inDay: day, at: frame.timestamp, attempt: attempt)
            guard folder.size(path) == nil else { continue }
            // The row first: a file without a row would be found by nobody, a row without a file by the next start.
            let id = try vault.index.begin(
                camera: camera, path: path, incarnation: frame.incarnation, sequence: frame.sequence,
                start: frame.timestamp, writer: vault.writer, isSpooled: isSpooled)
            do {
                let segment = try SegmentFile(
                    id: id, camera: camera, path: path, absolutePath: folder.absolute(path), first: frame,
                    isSpooled: isSpooled)
                try RecordingFolder.synchronize(folder.absolute(day))
                return segment
            } catch {
                try? vault.index.forget(id)
                throw error
            }
        }
        throw .file(path: folder.absolute(day), operation: "beginning a file", reason: "1000 of this second exist")
    }
}
