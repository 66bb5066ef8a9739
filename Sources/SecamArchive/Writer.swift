internal import Logging
import SecamConfig
import SecamMesh
import SecamRecording
import SecamWire

extension Vault {
    /// What a vault is made of on the thread that it belongs to.
    struct Plan: Sendable {
        let index: RecordingIndex
        let writer: String
        let limits: VaultLimits
        let logger: Logger
        /// Held as long as anybody writes.
        let lock: VolumeLock
    }
}

/// What the writing thread is to do, in order.
enum WriterCommand: Sendable {
    /// A whole FRAME message.
    case frame(Name, MeshMessage)
    /// - Parameter until: UTC microseconds of the frame behind it.
    case gap(Name, Gap, until: Int64?)
    case event(Name, Event, acknowledged: UInt64)
    /// Events of which nothing will be heard any more.
    case endEvents(Name)
    /// The segment ends.
    case cut(Name)
    /// The camera is somebody else's now.
    case leave(Name)
    case rules([Recording.Camera])
    case compressed(Compression, Compression.Outcome)
}

/// What the writing thread tells.
enum WriterNews: Sendable {
    /// A frame of this flow has been taken out of memory.
    case taken(Name, flow: UInt32)
    case durable(Name, CameraTape.Durable)
    case eventStored(Name, Event, acknowledged: UInt64)
    /// Frames of this flow are passed over from now on: they must be given again.
    case failed(Name, flow: UInt32)
    /// The same for events.
    case eventsFailed(Name, flow: UInt32)
    case figures([Figure])
    /// The folder is another one than at the start, and has an index: of that one nothing is open.
    case remounted(path: String)
}

/// The one thread that writes to the disk: however long the disk takes, the mesh is served.
final class Writer: Sendable {
    private let commands = BlockingQueue<WriterCommand>()
    private let ended = AsyncStream<Void>.makeStream()

    /// - Parameter tell: called on the writing thread.
    init(_ plan: Vault.Plan, tell: @escaping @Sendable (WriterNews) -> Void) {
        let commands = commands
        let ended = ended.continuation
        let compressor = Compressor { commands.push(.compressed($0, $1)) }
        DedicatedThread.start {
            WriterLoop(plan: plan, commands: commands, compressor: compressor, tell: tell).run()
            compressor.stop()
            ended.finish()
        }
    }

    func add(_ command: WriterCommand) { commands.push(command) }

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
    /// Microseconds for which an archive that still writes is given the time to end it.
    private static let patience: Int64 = 5_000_000

    private let plan: Vault.Plan
    private let commands: BlockingQueue<WriterCommand>
    private let compressor: Compressor
    private var isCompressing = false
    private let tell: @Sendable (WriterNews) -> Void
    private var vault: Vault?
    private var tapes: [Name: CameraTape] = [:]
    /// Flows of frames, and of events, that are passed over, by camera.
    private var failedFrames: [Name: UInt32] = [:]
    private var failedEvents: [Name: UInt32] = [:]
    /// The flow whose frames are written.
    private var flows: [Name: UInt32] = [:]
    private var clocks: CameraClocks
    /// Since when an archive that still writes is waited for.
    private var waitingSince: [Name: MonotonicTime] = [:]
    /// `nil` until the registry has said them: until then nothing old is touched.
    private var rules: [Recording.Camera]?
    private var nextSync = MonotonicTime.now
    private var nextRetain = MonotonicTime.now
    private var past = (frames: UInt64(0), bytes: UInt64(0))

    init(
        plan: Vault.Plan, commands: BlockingQueue<WriterCommand>, compressor: Compressor,
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
        case .frame(let camera, let message): write(message, of: camera)
        case .gap(let camera, let gap, let until):
            let until = until.map { clocks.correct($0, of: camera) }
            attempt(camera, gap.flow) { tape throws(RecordingError) in try tape.note(gap, until: until) }
        case .event(let camera, let event, let acknowledged): note(event, of: camera, acknowledged: acknowledged)
        case .endEvents(let camera):
            do throws(RecordingError) {
                try plan.index.endEvents(of: camera, except: nil)
            } catch {
                complain(error, camera)
            }
        case .cut(let camera):
            if let tape = tapes[camera] { cut(tape) }
        case .leave(let camera):
            if let tape = tapes[camera] { cut(tape) }
            forget(camera)
            waitingSince[camera] = nil
        case .rules(let rules): self.rules = rules
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

    private func write(_ message: MeshMessage, of camera: Name) {
        message.withBytes { bytes in
            guard let envelope = try? Envelope.readWhole(bytes, limit: WireLimits.meshMessage),
                let (frame, payload) = try? Frame.decode(bytes, envelope) as (Frame, Range<Int>)
            else { return }
            let jpeg = bytes.extracting(payload)
            attempt(camera, frame.flow) { tape throws(RecordingError) in
                _ = try unsafe tape.append(clocks.correct(frame, of: camera), jpeg.bytes)
            }
            tell(.taken(camera, flow: frame.flow))
        }
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

    private func attempt(_ camera: Name, _ flow: UInt32, _ body: (CameraTape) throws(RecordingError) -> Void) {
        guard failedFrames[camera] != flow else { return }
        flows[camera] = flow
        do throws(RecordingError) {
            try body(try tape(of: camera))
        } catch {
            fail(camera, error)
        }
    }

    private func tape(of camera: Name) throws(RecordingError) -> CameraTape {
        if let tape = tapes[camera] { return tape }
        let since = waitingSince[camera] ?? .now
        waitingSince[camera] = since
        let isPatient = MonotonicTime.now.since(since) < WriterLoop.patience
        let tape = try CameraTape(try openVault(), camera: camera, isPatient: isPatient)
        waitingSince[camera] = nil
        tapes[camera] = tape
        return tape
    }

    private func openVault() throws(RecordingError) -> Vault {
        if let vault { return vault }
        let new = try Vault(plan.index, writer: plan.writer, limits: plan.limits, logger: plan.logger)
        vault = new
        return new
    }

    /// The file is left as it is: what it holds is read from it when the camera's frames come again.
    private func fail(_ camera: Name, _ error: RecordingError) {
        if case .busy = error {} else { complain(error, camera) }
        noteRemount(error)
        forget(camera)
        guard let flow = flows[camera] else { return }
        failedFrames[camera] = flow
        tell(.failed(camera, flow: flow))
    }

    private func forget(_ camera: Name) {
        guard let tape = tapes.removeValue(forKey: camera) else { return }
        past.frames += tape.framesRecorded
        past.bytes += tape.bytesRecorded
    }

    /// What is open belongs to the disk that was there before: only a new start brings the archive to the other one.
    private func noteRemount(_ error: RecordingError) {
        guard case .moved(let path) = error, plan.index.folder.hasIndex else { return }
        tell(.remounted(path: path))
    }

    private func complain(_ error: RecordingError, _ camera: Name) {
        plan.logger.error("recording failed", metadata: ["camera": "\(camera)", "reason": "\(error)"])
    }

    private func cut(_ tape: CameraTape) {
        do throws(RecordingError) {
            if let durable = try tape.cut() { tell(.durable(tape.camera, durable)) }
        } catch {
            fail(tape.camera, error)
        }
    }

    // MARK: Time

    private func everySecond() {
        nextSync = MonotonicTime.now.advanced(byMicroseconds: WriterLoop.syncInterval)
        for (camera, tape) in tapes {
            do throws(RecordingError) {
                if let durable = try tape.synchronize() { tell(.durable(camera, durable)) }
            } catch {
                fail(camera, error)
            }
        }
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
            let all = try vault.index.remember(rules)
            try vault.retain(all)
            try vault.thin(all)
            try vault.makeThumbnails()
            try compressNext(vault)
        }
    }

    private func compressNext(_ vault: Vault) throws(RecordingError) {
        guard !isCompressing, let compression = try vault.nextToCompress(rules ?? []) else { return }
        isCompressing = true
        compressor.add(compression)
    }

    /// Does something about what was recorded before.
    private func tend(_ body: (Vault) throws(RecordingError) -> Void) {
        do throws(RecordingError) {
            let vault = try openVault()
            // Where the disk was unmounted, everything would seem to have been removed.
            try vault.checkPlace()
            try body(vault)
        } catch {
            noteRemount(error)
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
                ] + (vault?.figures ?? [])))
    }
}
