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
    case event(Name, CameraEvent, incarnation: UInt64, sequence: UInt64, acknowledged: UInt64)
    /// The segment ends.
    case cut(Name)
    /// The camera is somebody else's now.
    case leave(Name)
    case rules([Recording.Camera])
}

/// What the writing thread tells.
enum WriterNews: Sendable {
    /// Frames have been taken out of memory.
    case taken(Name, frames: UInt32)
    case durable(Name, CameraTape.Durable)
    case eventStored(Name, incarnation: UInt64, acknowledged: UInt64)
    /// Frames from there on are not recorded: they must be given again.
    case failed(Name, RecordingIndex.Cursor?, reason: String, isDiskFull: Bool)
    case figures([Figure])
}

/// The one thread that writes to the disk: however long the disk takes, the mesh is served.
final class Writer: Sendable {
    private let commands = BlockingQueue<WriterCommand>()
    private let ended = AsyncStream<Void>.makeStream()

    /// - Parameter tell: called on the writing thread.
    init(_ plan: Vault.Plan, tell: @escaping @Sendable (WriterNews) -> Void) {
        let commands = commands
        let ended = ended.continuation
        DedicatedThread.start {
            WriterLoop(plan: plan, commands: commands, tell: tell).run()
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
    /// Microseconds before a vault that cannot be opened is tried again.
    private static let retryInterval: Int64 = 1_000_000

    private let plan: Vault.Plan
    private let commands: BlockingQueue<WriterCommand>
    private let tell: @Sendable (WriterNews) -> Void
    private var vault: Vault?
    private var tapes: [Name: CameraTape] = [:]
    /// Cameras whose frames are passed over until they are given again.
    private var failing: Set<Name> = []
    private var rules: [Recording.Camera] = []
    private var nextSync = MonotonicTime.now
    private var nextRetain = MonotonicTime.now
    private var complaints = LogThrottle()
    private var past = (frames: UInt64(0), bytes: UInt64(0))

    init(
        plan: Vault.Plan, commands: BlockingQueue<WriterCommand>, tell: @escaping @Sendable (WriterNews) -> Void
    ) {
        self.plan = plan
        self.commands = commands
        self.tell = tell
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
        case .frame(let camera, let message):
            write(message, of: camera)
            tell(.taken(camera, frames: 1))
        case .gap(let camera, let gap, let until):
            attempt(camera) { tape throws(RecordingError) in try tape.note(gap, until: until) }
        case .event(let camera, let event, let incarnation, let sequence, let acknowledged):
            note(event, of: camera, incarnation: incarnation, sequence: sequence, acknowledged: acknowledged)
        case .cut(let camera):
            if let tape = tapes[camera] { cut(tape) }
        case .leave(let camera):
            guard let tape = tapes.removeValue(forKey: camera) else { return }
            cut(tape)
            past.frames += tape.framesRecorded
            past.bytes += tape.bytesRecorded
        case .rules(let rules): self.rules = rules
        }
    }

    private func write(_ message: MeshMessage, of camera: Name) {
        message.withBytes { bytes in
            guard let envelope = try? Envelope.readWhole(bytes, limit: WireLimits.meshMessage),
                let (frame, payload) = try? Frame.decode(bytes, envelope) as (Frame, Range<Int>)
            else { return }
            // What comes again begins behind the last one that is on the disk.
            if failing.contains(camera) {
                guard let cursor = tapes[camera]?.cursor, cursor.incarnation == frame.incarnation else {
                    failing.remove(camera)
                    return append(frame, bytes.extracting(payload), to: camera)
                }
                guard frame.sequence <= cursor.sequence + 1 else { return }
                failing.remove(camera)
            }
            append(frame, bytes.extracting(payload), to: camera)
        }
    }

    private func append(_ frame: Frame, _ jpeg: Span<UInt8>, to camera: Name) {
        attempt(camera) { tape throws(RecordingError) in
            _ = try unsafe tape.append(frame, jpeg.bytes)
        }
    }

    private func note(
        _ event: CameraEvent, of camera: Name, incarnation: UInt64, sequence: UInt64, acknowledged: UInt64
    ) {
        do throws(RecordingError) {
            try plan.index.note(event, of: camera)
            try plan.index.setCursor(
                camera, .events, incarnation: incarnation, sequence: acknowledged, time: event.last)
            tell(.eventStored(camera, incarnation: incarnation, acknowledged: acknowledged))
        } catch {
            complain(error, camera)
        }
    }

    // MARK: Tapes

    private func attempt(_ camera: Name, _ body: (CameraTape) throws(RecordingError) -> Void) {
        do throws(RecordingError) {
            try body(try tape(of: camera))
        } catch {
            fail(camera, error)
        }
    }

    private func tape(of camera: Name) throws(RecordingError) -> CameraTape {
        if let tape = tapes[camera] { return tape }
        let tape = try CameraTape(try openVault(), camera: camera, logger: plan.logger)
        tapes[camera] = tape
        return tape
    }

    private func openVault() throws(RecordingError) -> Vault {
        if let vault { return vault }
        let new = try Vault(plan.index, writer: plan.writer, limits: plan.limits, logger: plan.logger)
        vault = new
        return new
    }

    private func fail(_ camera: Name, _ error: RecordingError) {
        complain(error, camera)
        let tape = tapes[camera]
        tape?.abandon()
        guard failing.insert(camera).inserted else { return }
        tell(.failed(camera, tape?.cursor, reason: "\(error)", isDiskFull: error.isDiskFull))
    }

    private func complain(_ error: RecordingError, _ camera: Name) {
        guard let count = complaints.count() else { return }
        plan.logger.error(
            "recording fails; live view goes on",
            metadata: ["camera": "\(camera)", "reason": "\(error)", "count": "\(count)"])
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
        for (camera, tape) in tapes where !failing.contains(camera) {
            do throws(RecordingError) {
                if let durable = try tape.synchronize() { tell(.durable(camera, durable)) }
            } catch {
                fail(camera, error)
            }
        }
        // Those that failed are asked for again, once a second.
        for camera in failing { tell(.failed(camera, tapes[camera]?.cursor, reason: "", isDiskFull: false)) }
        if MonotonicTime.now >= nextRetain { retain() }
        tellFigures()
    }

    private func retain() {
        nextRetain = MonotonicTime.now.advanced(byMicroseconds: WriterLoop.retainInterval)
        do throws(RecordingError) {
            let vault = try openVault()
            try vault.look()
            try vault.retain(rules, now: WallClock.now)
        } catch {
            guard let count = complaints.count() else { return }
            plan.logger.error(
                "old recordings cannot be let go", metadata: ["reason": "\(error)", "count": "\(count)"])
        }
    }

    private func tellFigures() {
        let counts = tapes.values.reduce(past) { ($0.frames + $1.framesRecorded, $0.bytes + $1.bytesRecorded) }
        tell(
            .figures(
                [Figure(.framesRecorded, counts.frames), Figure(.bytesRecorded, counts.bytes)]
                    + (vault?.figures ?? [])))
    }
}
