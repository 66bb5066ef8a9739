import Logging
import SecamBase
import SecamMesh
import SecamRecording
import SecamWire

extension RecordingStore {
    /// What a vault is made of on the thread that it belongs to.
    struct Plan: Sendable {
        let index: RecordingIndex
        let writer: String
        let limits: StorageQuota
        let logger: Logger
        /// Held as long as anybody writes.
        let lock: VolumeLock
    }
}

/// What the writing thread is to do, in order.
enum WriterCommand: Sendable {
    /// A whole FRAME message.
    case frame(RecorderID, MeshMessage)
    case gap(Name, Gap)
    /// The camera's spool is empty.
    case spoolEnded(Name)
    case event(Name, Event, acknowledged: UInt64)
    /// The camera tells nothing more of its events, except of those of this incarnation.
    case endEvents(Name, except: UInt64?)
    /// The segment ends.
    case cut(Name)
    /// The camera is somebody else's now.
    case leave(Name)
    case rules(Recording)
    case compressed(Compression, Compression.Outcome)
    /// To be remembered for the next start.
    case assignment(LastAssignment, AssignmentFile)
}

extension WriterCommand {
    /// Whose recording it is about; `nil` for those about all.
    fileprivate var camera: Name? {
        switch self {
        case .frame(let id, _): id.camera
        case .gap(let camera, _), .spoolEnded(let camera), .event(let camera, _, _), .endEvents(let camera, _),
            .cut(let camera), .leave(let camera):
            camera
        case .rules, .compressed, .assignment: nil
        }
    }
}

/// One of the two recordings of a camera that may go on at once.
struct RecorderID: Hashable, Sendable {
    let camera: Name
    /// Whether it is that of what the camera had spooled, or that of what is live.
    let isSpooled: Bool
}

/// What the writing thread tells.
enum WriterNews: Sendable {
    /// A frame of this flow has been taken out of memory.
    case taken(RecorderID, flow: UInt32)
    case durable(RecorderID, CameraRecorder.Durable)
    case eventStored(Name, Event, acknowledged: UInt64)
    /// Frames of this flow are passed over from now on: they must be given again.
    case failed(RecorderID, flow: UInt32, reason: String)
    /// The same for events.
    case eventsFailed(Name, flow: UInt32)
    case figures([Figure], causes: [Cause])
    /// Nothing can be written to the volume, and why; `nil` when it can be again.
    case volumeFailed(reason: String?)
    /// The folder is another one than at the start, and has an index: of that one nothing is open.
    case remounted(path: String)
}

/// The one thread that writes to the disk: however long the disk takes, the mesh is served.
final class Writer: Sendable {
    private let commands = BlockingQueue<WriterCommand>()
    private let ended = AsyncStream<Void>.makeStream()

    /// - Parameter tell: called on the writing thread.
    init(_ plan: RecordingStore.Plan, tell: @escaping @Sendable (WriterNews) -> Void) {
        let commands = commands
        let ended = ended.continuation
        let compressor = Compressor { commands.push(.compressed($0, $1)) }
        DedicatedThread.start {
            WriterLoop(plan: plan, commands: commands, compressor: compressor, tell: tell).run()
            compressor.stop()
            ended.finish()
        }
    }

    /// Cameras take turns: one that has much to be written keeps no other one waiting.
    func add(_ command: WriterCommand) { commands.push(command, for: command.camera?.text ?? "") }

    /// Writes what waits and completes every segment.
    func stop() { commands.close() }

    func waitUntilStopped() async { for await _ in ended.stream {} }
}

/// What the writing thread does.
private final class WriterLoop {
    /// Microseconds between two times at which everything is brought to the disk: what a power cut may cost.
    private static let syncInterval: Int64 = 1_000_000
    /// Microseconds between two looks at what may go.
    private static let retainInterval: Int64 = 5_000_000
    /// Microseconds between two looks at whether the disk can be written to while nothing is.
    private static let probeInterval: Int64 = 10_000_000
    /// Microseconds for which an archive that still writes is given the time to end it.
    private static let patience: Int64 = 5_000_000

    private let plan: RecordingStore.Plan
    private let commands: BlockingQueue<WriterCommand>
    private let compressor: Compressor
    private var isCompressing = false
    private let tell: @Sendable (WriterNews) -> Void
    private var vault: RecordingStore?
    private var tapes: [RecorderID: CameraRecorder] = [:]
    /// Flows of frames, and of events by camera, that are passed over.
    private var failedFrames: [RecorderID: UInt32] = [:]
    private var failedEvents: [Name: UInt32] = [:]
    /// The flow whose frames are written.
    private var flows: [RecorderID: UInt32] = [:]
    private var clocks: CameraClocks
    private var recordedTimes = RecordedTimes()
    /// Since when an archive that still writes is waited for.
    private var waitingSince: [RecorderID: MonotonicTime] = [:]
    /// `nil` until the registry has said them: until then nothing old is touched.
    private var rules: Recording?
    private var nextSync = MonotonicTime.now
    private var nextRetain = MonotonicTime.now
    private var nextProbe = MonotonicTime.now
    /// Why nothing can be written to the volume; `nil` while it can.
    private var volumeFault: String?
    private var past = (frames: UInt64(0), bytes: UInt64(0))

    init(
        plan: RecordingStore.Plan, commands: BlockingQueue<WriterCommand>, compressor: Compressor,
        tell: @escaping @Sendable (WriterNews) -> Void
    ) {
        self.plan = plan
        self.commands = commands
        self.compressor = compressor
        self.tell = tell
        clocks = CameraClocks(logger: plan.logger)
    }

    func run() {
        while true {
            let wait = max(0, nextSync.since(.now))
            switch commands.pop(waiting: wait) {
            case .element(let command): perform(command)
            case .timedOut: break
            case .closed:
                for tape in tapes.values { cut(tape) }
                return
            }
            if MonotonicTime.now >= nextSync { everySecond() }
        }
    }

    private func perform(_ command: WriterCommand) {
        switch command {
        case .frame(let id, let message): write(message, id)
        case .gap(let camera, let gap):
            let since = gap.knownSince.map { clocks.correct($0, of: camera) }
            let until = gap.knownUntil.map { clocks.correct($0, of: camera) }
            attempt(RecorderID(camera: camera, isSpooled: false), gap.flow) { tape throws(RecordingError) in
                try tape.note(gap, since: since, until: until)
            }
        case .spoolEnded(let camera): endSpool(of: camera)
        case .event(let camera, let event, let acknowledged): note(event, of: camera, acknowledged: acknowledged)
        case .endEvents(let camera, let incarnation):
            do throws(RecordingError) {
                try plan.index.endEvents(of: camera, except: incarnation)
            } catch {
                complain(error, camera)
            }
        case .cut(let camera):
            if let tape = tapes[RecorderID(camera: camera, isSpooled: false)] { cut(tape) }
        case .leave(let camera):
            for isSpooled in [true, false] { end(RecorderID(camera: camera, isSpooled: isSpooled)) }
        case .rules(let rules): self.rules = rules
        case .assignment(let assignment, let file): file.write(assignment)
        case .compressed(let compression, let outcome):
            isCompressing = false
            tend { vault throws(RecordingError) in
                try vault.end(compression, outcome)
                // What was put off has its turn with the next look at what may go.
                if case .postponed = outcome { return }
                try compressNext(vault)
            }
        }
    }

    private func write(_ message: MeshMessage, _ id: RecorderID) {
        message.withBytes { bytes in
            guard let envelope = try? Envelope.readWhole(bytes, limit: WireLimits.meshMessage),
                let (frame, payload) = try? Frame.decode(bytes, envelope) as (Frame, Range<Int>)
            else { return }
            let jpeg = bytes.extracting(payload)
            attempt(id, frame.flow) { tape throws(RecordingError) in
                let frame = clocks.correct(frame, of: id.camera)
                if try isToBeRecorded(frame, id), try unsafe tape.append(frame, jpeg.bytes) { return }
                guard id.isSpooled else { return }
                // The camera need not keep it: what was recorded before is brought to the disk first.
                cut(tape)
                tell(.durable(id, CameraRecorder.Durable(passing: frame)))
            }
            tell(.taken(id, flow: frame.flow))
        }
    }

    /// Of what is live the camera's link has asked for no more than that; of what was spooled everything comes.
    private func isToBeRecorded(_ frame: Frame, _ id: RecorderID) throws(RecordingError) -> Bool {
        guard id.isSpooled, let rule = rules?.cameras.first(where: { $0.camera == id.camera }), !rule.mode.isContinuous
        else { return true }
        return try recordedTimes.contain(frame.timestamp, rule, plan.index)
    }

    private func endSpool(of camera: Name) {
        end(RecorderID(camera: camera, isSpooled: true))
        do throws(RecordingError) {
            try plan.index.endSpooledGaps(of: camera)
        } catch {
            complain(error, camera)
        }
    }

    private func end(_ id: RecorderID) {
        if let tape = tapes[id] { cut(tape) }
        forget(id)
        waitingSince[id] = nil
    }

    private func note(_ message: Event, of camera: Name, acknowledged: UInt64) {
        // One that was not stored comes again, with those behind it.
        guard failedEvents[camera] != message.flow else { return }
        do throws(RecordingError) {
            let event = clocks.correct(message.event, of: camera)
            try plan.index.note(event, of: camera, incarnation: message.incarnation)
            try plan.index.setCursor(
                camera, .events, incarnation: message.incarnation, sequence: acknowledged, time: event.last)
            tell(.eventStored(camera, message, acknowledged: acknowledged))
        } catch {
            complain(error, camera)
            failedEvents[camera] = message.flow
            tell(.eventsFailed(camera, flow: message.flow))
        }
    }

    // MARK: Tapes

    private func attempt(_ id: RecorderID, _ flow: UInt32, _ body: (CameraRecorder) throws(RecordingError) -> Void) {
        guard failedFrames[id] != flow else { return }
        flows[id] = flow
        do throws(RecordingError) {
            try body(try tape(id))
        } catch {
            fail(id, error)
        }
    }

    private func tape(_ id: RecorderID) throws(RecordingError) -> CameraRecorder {
        if let tape = tapes[id] { return tape }
        // What is live tells of what the spool must not bring again.
        if id.isSpooled { _ = try tape(RecorderID(camera: id.camera, isSpooled: false)) }
        let since = waitingSince[id] ?? .now
        waitingSince[id] = since
        let isPatient = MonotonicTime.now.since(since) < WriterLoop.patience
        let tape = try CameraRecorder(
            try openVault(), camera: id.camera, isSpooled: id.isSpooled, isPatient: isPatient)
        waitingSince[id] = nil
        tapes[id] = tape
        return tape
    }

    private func openVault() throws(RecordingError) -> RecordingStore {
        if let vault { return vault }
        let new = try RecordingStore(plan.index, writer: plan.writer, limits: plan.limits, logger: plan.logger)
        vault = new
        return new
    }

    /// The file is left as it is: what it holds is read from it when the camera's frames come again.
    private func fail(_ id: RecorderID, _ error: RecordingError) {
        if case .busy = error {} else { complain(error, id.camera) }
        noteRemount(error)
        forget(id)
        guard let flow = flows[id] else { return }
        failedFrames[id] = flow
        tell(.failed(id, flow: flow, reason: "\(error)"))
    }

    private func forget(_ id: RecorderID) {
        guard let tape = tapes.removeValue(forKey: id) else { return }
        past.frames += tape.framesRecorded
        past.bytes += tape.bytesRecorded
    }

    /// What is open belongs to the disk that was there before: only a new start brings the archive to the other one.
    private func noteRemount(_ error: RecordingError) {
        guard case .moved(let path) = error, plan.index.folder.hasIndex else { return }
        tell(.remounted(path: path))
    }

    private func complain(_ error: RecordingError, _ camera: Name) {
        guard !isVolumeFailing() else { return }
        plan.logger.error("recording failed", metadata: ["camera": "\(camera)", "reason": "\(error)"])
    }

    /// Whether a failure is the whole volume's, of which the log speaks once.
    private func isVolumeFailing() -> Bool {
        if volumeFault == nil { probe() }
        return volumeFault != nil
    }

    /// Notices when nothing can be written to the volume, and when it can again. What fails while a camera is recorded
    /// tells at once; while nothing is recorded only a look does.
    private func probe() {
        do throws(RecordingError) {
            try openVault().checkWritable()
            nextProbe = MonotonicTime.now.advanced(byMicroseconds: WriterLoop.probeInterval)
            guard volumeFault != nil else { return }
            volumeFault = nil
            plan.logger.notice("recording resumed", metadata: ["folder": "\(plan.index.folder.path)"])
            tell(.volumeFailed(reason: nil))
        } catch {
            nextProbe = MonotonicTime.now.advanced(byMicroseconds: WriterLoop.syncInterval)
            noteRemount(error)
            guard volumeFault != "\(error)" else { return }
            volumeFault = "\(error)"
            plan.logger.error("recording stopped", metadata: ["reason": "\(error)"])
            tell(.volumeFailed(reason: "\(error)"))
        }
    }

    private func cut(_ tape: CameraRecorder) {
        do throws(RecordingError) {
            if let durable = try tape.cut() { tell(.durable(tape.id, durable)) }
        } catch {
            fail(tape.id, error)
        }
    }

    // MARK: Time

    private func everySecond() {
        nextSync = MonotonicTime.now.advanced(byMicroseconds: WriterLoop.syncInterval)
        for (id, tape) in tapes {
            do throws(RecordingError) {
                if let durable = try tape.synchronize() {
                    tell(.durable(id, durable))
                    nextProbe = max(nextProbe, MonotonicTime.now.advanced(byMicroseconds: WriterLoop.probeInterval))
                }
            } catch {
                fail(id, error)
            }
        }
        if MonotonicTime.now >= nextProbe { probe() }
        if MonotonicTime.now >= nextRetain { retain() }
        tellFigures()
    }

    private func retain() {
        nextRetain = MonotonicTime.now.advanced(byMicroseconds: WriterLoop.retainInterval)
        if let clock = try? plan.index.clock { clocks.expect(clock) }
        // Each by itself: what fails for want of room must not keep the next one from making some.
        tend { vault throws(RecordingError) in
            try vault.look()
            try vault.relieve()
        }
        tend { vault throws(RecordingError) in try vault.tidyUp() }
        guard let rules else { return }
        tend { vault throws(RecordingError) in
            let all = try vault.index.remember(rules.cameras)
            try vault.removeGoneCameras(after: .seconds(rules.goneKeep), admitted: Set(rules.admitted))
            try vault.retain(all)
            try vault.thin(all)
            try vault.makeThumbnails()
            try compressNext(vault)
        }
    }

    private func compressNext(_ vault: RecordingStore) throws(RecordingError) {
        guard !isCompressing, let compression = try vault.nextToCompress(rules?.cameras ?? []) else { return }
        isCompressing = true
        compressor.add(compression)
    }

    /// Does something about what was recorded before.
    private func tend(_ body: (RecordingStore) throws(RecordingError) -> Void) {
        guard volumeFault == nil else { return }
        do throws(RecordingError) {
            let vault = try openVault()
            // Where the disk was unmounted, everything would seem to have been removed.
            try vault.checkPlace()
            try body(vault)
        } catch {
            guard !isVolumeFailing() else { return }
            plan.logger.error("retention pass failed", metadata: ["reason": "\(error)"])
        }
    }

    private func tellFigures() {
        let counts = tapes.values.reduce(past) { ($0.frames + $1.framesRecorded, $0.bytes + $1.bytesRecorded) }
        tell(
            .figures(
                [
                    Figure(.framesRecorded, counts.frames), Figure(.bytesRecorded, counts.bytes),
                    Figure(.timesCorrected, clocks.corrected),
                ] + (vault?.figures ?? []), causes: vault?.diskLowCause.map { [Cause(.diskLow, $0)] } ?? []))
    }
}

extension CameraRecorder {
    fileprivate var id: RecorderID { RecorderID(camera: camera, isSpooled: isSpooled) }
}

extension Gap {
    /// `nil` when the camera does not know it.
    fileprivate var knownSince: Int64? { since == WireLimits.times.lowerBound ? nil : since }
    fileprivate var knownUntil: Int64? { until == WireLimits.times.upperBound ? nil : until }
}
