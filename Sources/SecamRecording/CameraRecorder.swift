import SecamBase
package import SecamWire

/// Records one camera, segment after segment. A camera can have two recorders: one for live frames, and one for frames
/// from its spool, which are recorded beside them. It belongs to the thread of its store.
package final class CameraRecorder {
    /// The last frame before which everything is on disk.
    package struct Durable: Sendable, Equatable {
        package let incarnation: UInt64
        package let sequence: UInt64
        /// The frame's capture time, UTC microseconds.
        package let time: Int64

        /// Skips a frame that need not be recorded, once everything before it is on disk.
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

    /// The conditions under which a segment ends.
    package struct Limits: Sendable {
        package var maximumDuration = Duration.seconds(60)
        /// A step back of the camera's clock up to this begins no new segment; the frames follow at once.
        package var clockTolerance = Duration.seconds(1)
        /// A gap does not end a segment that is shorter.
        package var minimumBeforeGap = Duration.seconds(1)
        /// Segments that changes of the pictures, their numbers or their times may end within a second.
        package var cutsPerSecond = 8

        package init() {}
    }

    package let camera: Name
    package let isSpooled: Bool
    private let store: RecordingStore
    private let limits: Limits
    private var segment: SegmentFile?
    private var last: RecordingIndex.Cursor?
    /// The segments that such changes have ended since a time.
    private var cuts = (since: MonotonicTime.now, count: 0)
    private var gaps = GapCollector()
    /// For spooled frames: the numbers of one incarnation that were recorded before.
    private var recorded: (incarnation: UInt64, ranges: [SequenceRange])?

    package private(set) var framesRecorded: UInt64 = 0
    package private(set) var bytesRecorded: UInt64 = 0

    /// Continues where the camera's recording in the index ends. First completes the segments that a predecessor left.
    ///
    /// - Parameters:
    ///   - isSpooled: whether to record frames from the camera's spool. The recorder of live frames must exist already.
    ///   - sparesWritten: whether to leave a segment to another archive that is still writing it.
    ///   - adoptsFiles: whether to add recent files without a row to the index, as after a power cut.
    /// - Throws: `busy` if another archive is still writing.
    package init(
        _ store: RecordingStore, camera: Name, isSpooled: Bool = false, limits: Limits = Limits(),
        sparesWritten: Bool = true, adoptsFiles: Bool = true
    ) throws(RecordingError) {
        self.store = store
        self.camera = camera
        self.isSpooled = isSpooled
        self.limits = limits
        try Recovery.finish(
            camera: camera, isSpooled: isSpooled, sparesWritten: sparesWritten, adoptsFiles: adoptsFiles, in: store)
        last = isSpooled ? nil : try store.index.cursor(of: camera, .jpeg)
    }

    /// The last frame that was recorded.
    package var cursor: RecordingIndex.Cursor? { last }

    /// Records a frame.
    ///
    /// - Parameter jpeg: the picture, stored unchanged.
    /// - Returns: `false` if the frame was recorded before or is no JPEG.
    package func append(_ frame: Frame, _ jpeg: RawSpan) throws(RecordingError) -> Bool {
        if let last, last.incarnation == frame.incarnation, frame.sequence <= last.sequence { return false }
        guard SegmentFile.isJPEG(jpeg), try !wasRecorded(frame) else { return false }
        try cutWhereNeeded(before: frame)
        let cost = UInt64(jpeg.byteCount) + SegmentFile.frameBytes + (segment == nil ? SegmentFile.headBytes : 0)
        try store.makeRoom(for: cost, of: camera)
        let segment: SegmentFile
        if let open = self.segment { segment = open } else { segment = try openSegment(startingWith: frame) }
        self.segment = segment
        let time = max(frame.timestamp, segment.last.time)
        try segment.append(jpeg, time: time, sequence: frame.sequence)
        last = RecordingIndex.Cursor(incarnation: frame.incarnation, sequence: frame.sequence, time: time)
        framesRecorded += 1
        bytesRecorded += UInt64(jpeg.byteCount)
        return true
    }

    /// Whether a spooled frame was recorded before, by an archive that ended before it acknowledged the frame.
    private func wasRecorded(_ frame: Frame) throws(RecordingError) -> Bool {
        guard isSpooled else { return false }
        if recorded?.incarnation != frame.incarnation {
            // Reads all segments of the incarnation in the index, so it is limited like a cut.
            try limitCuts()
            let ranges = try store.index.recordedRanges(of: camera, incarnation: frame.incarnation)
            recorded = (frame.incarnation, ranges)
        }
        return recorded?.ranges.contains { ($0.first...$0.last).contains(frame.sequence) } ?? false
    }

    /// Records that frames are missing, and ends a segment that is long enough. The numbers of a segment's frames are
    /// consecutive, so that they are known without an index.
    ///
    /// - Parameters:
    ///   - since: the time after which the frames were captured, UTC microseconds; `nil` if the camera does not know.
    ///   - until: the time before which they were captured, UTC microseconds; `nil` if the camera does not know.
    package func record(_ gap: Gap, since: Int64?, until: Int64?) throws(RecordingError) {
        let start = last?.incarnation == gap.incarnation ? last?.time : since
        let end = until ?? start ?? WallClock.now
        for gap in try unfilled(gap) {
            let row = gaps.add(RecordedGap(gap, start: min(start ?? end, end), end: end), now: .now)
            try store.index.record(row, of: camera)
        }
        if let segment, segment.duration >= limits.minimumBeforeGap { try cut() }
    }

    /// Returns the parts of a gap that the spool has not filled yet.
    private func unfilled(_ gap: Gap) throws(RecordingError) -> [Gap] {
        let filled = try store.index.spooledRanges(of: camera, incarnation: gap.incarnation, in: gap.missing)
        return gap.missing.subtracting(filled).map {
            Gap(
                flow: gap.flow, incarnation: gap.incarnation, missing: $0, reason: gap.reason, since: gap.since,
                until: gap.until)
        }
    }

    /// Brings everything to the disk, and then updates the index.
    ///
    /// - Returns: the last frame on disk; `nil` if there is nothing new.
    package func synchronize() throws(RecordingError) -> Durable? {
        guard let segment, let progress = try segment.synchronize() else { return nil }
        do throws(RecordingError) {
            try store.index.record(progress)
        } catch {
            try handle(error, of: segment)
        }
        return Durable(progress)
    }

    /// Ends the segment. The next frame begins another one.
    ///
    /// - Returns: the last frame on disk; `nil` if no segment was open.
    @discardableResult
    package func cut() throws(RecordingError) -> Durable? {
        guard let segment else { return nil }
        self.segment = nil
        let progress = segment.progress
        try segment.finish()
        do throws(RecordingError) {
            try Recovery.complete(progress, path: segment.path, in: store)
        } catch {
            try handle(error, of: segment)
        }
        return Durable(progress)
    }

    /// Restores a file that another archive completed while this one was stalled, and rethrows the error.
    private func handle(_ error: RecordingError, of segment: SegmentFile) throws(RecordingError) -> Never {
        if case .superseded = error {
            self.segment = nil
            let path = store.index.folder.absolute(segment.path)
            if let row = try store.index.segment(segment.id), row.state == .complete {
                segment.abandon(at: row.bytes, of: path)
            }
        }
        throw error
    }

    private func cutWhereNeeded(before frame: Frame) throws(RecordingError) {
        guard let segment else { return }
        let isOther = segment.incarnation != frame.incarnation || segment.size != (frame.width, frame.height)
        let isSetBack = frame.timestamp < segment.last.time - limits.clockTolerance.microseconds
        let isOver = frame.timestamp - segment.start >= limits.maximumDuration.microseconds
        // The camera reports no gaps for frames that are missing in its spool.
        let isApart = isSpooled && frame.sequence != segment.last.sequence + 1
        if isOther || isSetBack || isOver || isApart { try limitCuts() }
        if isOther || isSetBack || isOver || isApart || segment.bytes >= store.largestSegment { try cut() }
    }

    /// Throws when the camera causes too many cuts. Each one costs a file, and each new incarnation a long query.
    private func limitCuts() throws(RecordingError) {
        if MonotonicTime.now - cuts.since >= .seconds(1) { cuts = (.now, 0) }
        cuts.count += 1
        guard cuts.count <= limits.cutsPerSecond else { throw .tooManySegments(camera: camera.text) }
    }

    private func openSegment(startingWith frame: Frame) throws(RecordingError) -> SegmentFile {
        let folder = store.index.folder
        try store.checkIdentity()
        let day = try folder.makeDay(camera, at: frame.timestamp)
        for attempt in 1...1000 {
            let path = RecordingFolder.segment(inDay: day, at: frame.timestamp, attempt: attempt)
            guard folder.size(path) == nil else { continue }
            // The row comes first: the next start finds a row without a file, but not every file without a row.
            let id = try store.index.insertSegment(
                camera: camera, path: path, incarnation: frame.incarnation, sequence: frame.sequence,
                start: frame.timestamp, writer: store.writer, isSpooled: isSpooled)
            do {
                let segment = try SegmentFile(
                    id: id, camera: camera, path: path, absolutePath: folder.absolute(path), first: frame,
                    isSpooled: isSpooled)
                try RecordingFolder.synchronize(folder.absolute(day))
                return segment
            } catch {
                try? store.index.forget(id)
                throw error
            }
        }
        throw .file(
            path: folder.absolute(day), operation: "creating a file",
            reason: "1000 files of the same second exist already")
    }
}
