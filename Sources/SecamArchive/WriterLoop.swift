import Logging
import SecamBase
import SecamMesh
import SecamRecording
import SecamWire

/// The loop of the writing thread.
final class WriterLoop {
    /// The interval at which everything is brought to the disk: the most that a power cut may cost.
    private static let syncInterval = Duration.seconds(1)
    private static let retentionInterval = Duration.seconds(5)
    /// The time for another archive to end a recording that it is still writing.
    private static let takeoverTimeout = Duration.seconds(5)

    private let configuration: RecordingStore.Configuration
    private let commands: BlockingQueue<WriterCommand>
    private let compressor: Compressor
    private var isCompressing = false
    private let report: @Sendable (WriterReport) -> Void
    private var store: RecordingStore?
    private var recorders: [RecorderID: CameraRecorder] = [:]
    /// Failed flows, whose further frames are skipped.
    private var failedFrames: [RecorderID: UInt32] = [:]
    /// Failed flows, whose further events are skipped.
    private var failedEvents: [Name: UInt32] = [:]
    /// The flows whose frames are being written.
    private var flows: [RecorderID: UInt32] = [:]
    private var clocks: CameraClocks
    private var recordedTimes = RecordedTimes()
    /// The cameras whose files are known to be in the index.
    private var adopted: Set<Name> = []
    private var pauses = RecordingPauses()
    /// The times since when another archive is waited for.
    private var waitingSince: [RecorderID: MonotonicTime] = [:]
    /// The registry's rules; `nil` until they arrive. Until then no recording is removed by rule.
    private var rules: Recording?
    private var nextSync = MonotonicTime.now
    private var nextRetention = MonotonicTime.now
    private var volume: VolumeMonitor
    /// The counts of recorders that are closed.
    private var closedCounts = (frames: UInt64(0), bytes: UInt64(0))

    init(
        configuration: RecordingStore.Configuration, commands: BlockingQueue<WriterCommand>, compressor: Compressor,
        report: @escaping @Sendable (WriterReport) -> Void
    ) {
        self.configuration = configuration
        self.commands = commands
        self.compressor = compressor
        self.report = report
        clocks = CameraClocks(logger: configuration.logger)
        volume = VolumeMonitor(configuration, report: report)
    }

    func run() {
        while true {
            switch commands.pop(timeout: max(.zero, nextSync - MonotonicTime.now)) {
            case .element(let command): execute(command)
            case .timedOut: break
            case .closed:
                for recorder in recorders.values { cut(recorder) }
                return
            }
            if MonotonicTime.now >= nextSync { everySecond() }
        }
    }

    private func execute(_ command: WriterCommand) {
        switch command {
        case .frame(let id, let message): write(message, id)
        case .gap(let camera, let gap): record(gap, of: camera)
        case .spoolEnded(let camera): endSpool(of: camera)
        case .event(let camera, let event, let acknowledged): record(event, of: camera, acknowledged: acknowledged)
        case .endEvents(let camera, let incarnation):
            logFailure(of: camera) { () throws(RecordingError) in
                try configuration.index.endEvents(of: camera, except: incarnation)
            }
        case .cut(let camera):
            if let recorder = recorders[RecorderID(camera: camera, isSpooled: false)] { cut(recorder) }
        case .leave(let camera):
            for isSpooled in [true, false] { end(RecorderID(camera: camera, isSpooled: isSpooled)) }
        case .rules(let rules): self.rules = rules
        case .assignment(let assignment, let file): file.write(assignment)
        case .compressed(let compression, let outcome): finish(compression, outcome)
        }
    }

    // MARK: Frames, gaps and events

    private func write(_ message: MeshMessage, _ id: RecorderID) {
        message.withBytes { bytes in
            guard let envelope = try? Envelope.readWhole(bytes, limit: WireLimits.meshMessage),
                let (frame, payload) = try? Frame.decode(bytes, envelope) as (Frame, Range<Int>)
            else { return }
            let jpeg = bytes.extracting(payload)
            withRecorder(id, frame.flow) { recorder throws(RecordingError) in
                let frame = clocks.correct(frame, of: id.camera)
                if try isRecorded(frame, id), try unsafe recorder.append(frame, jpeg.bytes) { return }
                guard id.isSpooled else { return }
                // The camera need not keep the skipped frame, once everything before it is on disk.
                cut(recorder)
                report(.durable(id, CameraRecorder.Durable(passing: frame)))
            }
            report(.frameWritten(id, flow: frame.flow))
        }
    }

    /// Whether the rule records a frame. All live frames are recorded, since only those were requested. A spool holds
    /// all frames, including those without motion.
    private func isRecorded(_ frame: Frame, _ id: RecorderID) throws(RecordingError) -> Bool {
        guard id.isSpooled, let rule = rules?.cameras.first(where: { $0.camera == id.camera }), !rule.mode.isContinuous
        else { return true }
        return try recordedTimes.covers(frame.timestamp, rule: rule, index: configuration.index)
    }

    private func record(_ gap: Gap, of camera: Name) {
        let since = gap.knownSince.map { clocks.correct($0, of: camera) }
        let until = gap.knownUntil.map { clocks.correct($0, of: camera) }
        withRecorder(RecorderID(camera: camera, isSpooled: false), gap.flow) { recorder throws(RecordingError) in
            try recorder.record(gap, since: since, until: until)
        }
        report(.gapRecorded(camera, flow: gap.flow))
    }

    private func record(_ message: Event, of camera: Name, acknowledged: UInt64) {
        // After a failure, the camera sends this event and those behind it again.
        guard failedEvents[camera] != message.flow else { return }
        let isStored = logFailure(of: camera) { () throws(RecordingError) in
            let event = clocks.correct(message.event, of: camera)
            try configuration.index.record(event, of: camera, incarnation: message.incarnation)
            try configuration.index.setCursor(
                camera, .events, incarnation: message.incarnation, sequence: acknowledged, time: event.last)
        }
        guard isStored else {
            failedEvents[camera] = message.flow
            return report(.eventsFailed(camera, flow: message.flow))
        }
        report(.eventStored(camera, message, acknowledged: acknowledged))
    }

    private func endSpool(of camera: Name) {
        end(RecorderID(camera: camera, isSpooled: true))
        logFailure(of: camera) { () throws(RecordingError) in try configuration.index.endSpooledGaps(of: camera) }
    }

    /// Runs an operation on the index and logs its failure. Returns whether it succeeded.
    @discardableResult
    private func logFailure(of camera: Name, _ body: () throws(RecordingError) -> Void) -> Bool {
        do throws(RecordingError) {
            try body()
            return true
        } catch {
            log(error, camera)
            return false
        }
    }

    // MARK: Recorders

    private func withRecorder(
        _ id: RecorderID, _ flow: UInt32, _ body: (CameraRecorder) throws(RecordingError) -> Void
    ) {
        guard failedFrames[id] != flow else { return }
        flows[id] = flow
        do throws(RecordingError) {
            try body(try recorder(id))
        } catch {
            fail(id, error)
        }
    }

    private func recorder(_ id: RecorderID) throws(RecordingError) -> CameraRecorder {
        if let recorder = recorders[id] { return recorder }
        // The recorder of live frames comes first, since the spool must not deliver its frames again.
        if id.isSpooled { _ = try recorder(RecorderID(camera: id.camera, isSpooled: false)) }
        let since = waitingSince[id] ?? .now
        waitingSince[id] = since
        if pauses.isPaused(id.camera, now: .now) { throw .tooManySegments(camera: id.camera.text) }
        let sparesWritten = MonotonicTime.now - since < WriterLoop.takeoverTimeout
        let recorder = try CameraRecorder(
            try openStore(), camera: id.camera, isSpooled: id.isSpooled, sparesWritten: sparesWritten,
            adoptsFiles: !adopted.contains(id.camera))
        waitingSince[id] = nil
        if !id.isSpooled { adopted.insert(id.camera) }
        recorders[id] = recorder
        return recorder
    }

    private func openStore() throws(RecordingError) -> RecordingStore {
        if let store { return store }
        let new = try RecordingStore(
            configuration.index, writer: configuration.writer, limits: configuration.limits,
            logger: configuration.logger)
        store = new
        return new
    }

    private func cut(_ recorder: CameraRecorder) {
        do throws(RecordingError) {
            if let durable = try recorder.cut() { report(.durable(recorder.id, durable)) }
        } catch {
            fail(recorder.id, error)
        }
    }

    private func end(_ id: RecorderID) {
        if let recorder = recorders[id] { cut(recorder) }
        forget(id)
        waitingSince[id] = nil
    }

    private func forget(_ id: RecorderID) {
        guard let recorder = recorders.removeValue(forKey: id) else { return }
        closedCounts.frames += recorder.framesRecorded
        closedCounts.bytes += recorder.bytesRecorded
    }

    // MARK: Failures

    /// Gives up a flow. The file stays as it is, and is completed when the camera sends its frames again.
    private func fail(_ id: RecorderID, _ error: RecordingError) {
        switch error {
        case .busy: break
        case .tooManySegments: if pauses.pause(id.camera, now: .now) { log(error, id.camera) }
        default:
            adopted.remove(id.camera)
            log(error, id.camera)
        }
        reportRemount(error)
        forget(id)
        guard let flow = flows[id] else { return }
        failedFrames[id] = flow
        report(.framesFailed(id, flow: flow, reason: "\(error)"))
    }

    /// Reports another disk in the folder. The open files and the index belong to the former one, so only a restart
    /// helps.
    private func reportRemount(_ error: RecordingError) {
        guard case .folderReplaced(let path) = error, configuration.index.folder.hasIndex else { return }
        report(.remounted(path: path))
    }

    private func log(_ error: RecordingError, _ camera: Name) {
        guard !isVolumeFailing() else { return }
        configuration.logger.error("recording failed", metadata: ["camera": "\(camera)", "reason": "\(error)"])
    }

    /// Whether the whole volume fails, which is logged once instead of each failure.
    private func isVolumeFailing() -> Bool {
        if volume.fault == nil { probe() }
        return volume.fault != nil
    }

    private func probe() {
        do throws(RecordingError) {
            try openStore().checkWritable()
            volume.recordProbe(nil)
        } catch {
            reportRemount(error)
            volume.recordProbe(error)
        }
    }

    // MARK: Periodic work

    private func everySecond() {
        nextSync = MonotonicTime.now + WriterLoop.syncInterval
        for (id, recorder) in recorders {
            do throws(RecordingError) {
                if let durable = try recorder.synchronize() {
                    report(.durable(id, durable))
                    volume.recordWrite()
                }
            } catch {
                fail(id, error)
            }
        }
        if volume.isProbeDue { probe() }
        if MonotonicTime.now >= nextRetention { applyRetention() }
        reportFigures()
    }

    private func applyRetention() {
        nextRetention = MonotonicTime.now + WriterLoop.retentionInterval
        if let clock = try? configuration.index.clock { clocks.expect(clock) }
        // Separate steps: a step that fails for lack of room must not keep the next one from making room.
        maintain { store throws(RecordingError) in
            try store.refreshUsage()
            try store.enforceLimits()
        }
        maintain { store throws(RecordingError) in try store.finishInterrupted() }
        guard let rules else { return }
        maintain { store throws(RecordingError) in
            let all = try store.index.remember(rules.cameras)
            try store.removeGoneCameras(after: .seconds(rules.goneKeep), admitted: Set(rules.admitted))
            try store.retain(all)
            try store.thin(all)
            try store.makeThumbnails()
            try compressNext(store)
        }
    }

    private func finish(_ compression: Compression, _ outcome: Compression.Outcome) {
        isCompressing = false
        maintain { store throws(RecordingError) in
            try store.end(compression, outcome)
            // After a postponed compression, the next retention pass continues.
            if case .postponed = outcome { return }
            try compressNext(store)
        }
    }

    private func compressNext(_ store: RecordingStore) throws(RecordingError) {
        guard !isCompressing, let compression = try store.nextToCompress(rules?.cameras ?? []) else { return }
        isCompressing = true
        compressor.add(compression)
    }

    /// Runs a step of maintaining earlier recordings, unless the volume fails.
    private func maintain(_ body: (RecordingStore) throws(RecordingError) -> Void) {
        guard volume.fault == nil else { return }
        do throws(RecordingError) {
            let store = try openStore()
            // If the disk is unmounted, every recording seems to have been removed.
            try store.checkIdentity()
            try body(store)
        } catch {
            guard !isVolumeFailing() else { return }
            configuration.logger.error("retention pass failed", metadata: ["reason": "\(error)"])
        }
    }

    private func reportFigures() {
        let counts = recorders.values.reduce(closedCounts) {
            ($0.frames + $1.framesRecorded, $0.bytes + $1.bytesRecorded)
        }
        report(
            .figures(
                [
                    Figure(.framesRecorded, counts.frames), Figure(.bytesRecorded, counts.bytes),
                    Figure(.timesCorrected, clocks.corrected),
                ] + (store?.figures ?? []), causes: store?.diskLowCause.map { [Cause(.diskLow, $0)] } ?? []))
    }
}

extension CameraRecorder {
    fileprivate var id: RecorderID { RecorderID(camera: camera, isSpooled: isSpooled) }
}

extension Gap {
    /// The time after which the frames were captured; `nil` if the camera does not know.
    fileprivate var knownSince: Int64? { since == WireLimits.times.lowerBound ? nil : since }
    /// The time before which the frames were captured; `nil` if the camera does not know.
    fileprivate var knownUntil: Int64? { until == WireLimits.times.upperBound ? nil : until }
}
