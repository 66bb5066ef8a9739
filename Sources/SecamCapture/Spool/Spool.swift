import Logging
import SecamBase
import SecamMesh
import SecamWire
import Synchronization

/// What the spool's thread tells.
enum SpoolNews: Sendable {
    /// The frame that was asked for; `nil` when there is none now.
    ///
    /// - Parameters:
    ///   - turn: of the rewind that it was asked for after.
    ///   - isEmpty: whether nothing at all is kept.
    ///   - appended: frames that were to be kept until then.
    case read(SpooledFrame?, turn: UInt64, isEmpty: Bool, appended: UInt64)
    case figures(SpoolFigures)
}

struct SpoolFigures: Sendable, Equatable {
    /// Bytes on the disk.
    var bytes: UInt64 = 0
    /// Frames that were written, since the start.
    var frames: UInt64 = 0
}

/// What falls out of a camera's ring while no archive takes it, kept on the camera's own disk until one does.
///
/// A thread of its own writes and reads, so that no disk keeps the camera's loop waiting.
final class Spool: Sendable {
    fileprivate enum Command: Sendable {
        case append([UInt8])
        case rewind(turn: UInt64)
        case read
        case acknowledge(SpoolStore.FrameID)
    }

    /// Bytes that may wait for a slow disk.
    private static let mostWaiting = 64 << 20

    fileprivate let commands = BlockingQueue<Command>()
    fileprivate let waiting = Atomic<Int>(0)
    private let ended = AsyncStream<Void>.makeStream()
    private let logger: Logger

    /// - Parameter tell: called on the spool's thread.
    init(
        _ settings: SpoolSettings, keys: KeyPair, logger: Logger, tell: @escaping @Sendable (SpoolNews) -> Void
    ) {
        self.logger = logger
        let key = SpoolKey(keys)
        let ended = ended.continuation
        DedicatedThread.start { [self] in
            let store = SpoolStore(in: settings.folder, key: key, limit: settings.limit)
            SpoolLoop(store: store, spool: self, logger: logger, tell: tell).run()
            ended.finish()
        }
    }

    /// Keeps a frame behind all others.
    ///
    /// - Returns: whether there was room for it to wait for the disk.
    func append(_ header: Frame, _ payload: ArraySlice<UInt8>) -> Bool {
        let message = header.encoded(payload: payload.count) + payload
        let before = waiting.add(message.count, ordering: .relaxed).oldValue
        guard before <= Spool.mostWaiting else {
            waiting.subtract(message.count, ordering: .relaxed)
            logger.warning("frame not spooled", metadata: ["reason": "the disk is too slow"])
            return false
        }
        commands.push(.append(message))
        return true
    }

    /// What is read next is the oldest frame that was not acknowledged.
    func rewind(turn: UInt64) { commands.push(.rewind(turn: turn)) }

    /// Asks for the next frame, which is told as `read`.
    func read() { commands.push(.read) }

    /// This frame, and all that were told before it, are needed no more.
    func acknowledge(_ id: SpoolStore.FrameID) { commands.push(.acknowledge(id)) }

    /// Writes what waits.
    func stop() { commands.close() }

    func waitUntilStopped() async { for await _ in ended.stream {} }
}

/// What the spool's thread does.
private final class SpoolLoop {
    /// Microseconds between two times at which everything is brought to the disk: what a power cut may cost.
    private static let syncInterval: Int64 = 1_000_000

    private let store: SpoolStore
    private let spool: Spool
    private let logger: Logger
    private let tell: @Sendable (SpoolNews) -> Void
    private var nextSync = MonotonicTime.now
    private var turn: UInt64 = 0
    private var appended: UInt64 = 0
    private var frames: UInt64 = 0
    private var told: SpoolFigures?
    private var lostBytes: UInt64 = 0

    init(
        store: SpoolStore, spool: Spool, logger: Logger, tell: @escaping @Sendable (SpoolNews) -> Void
    ) {
        self.store = store
        self.spool = spool
        self.logger = logger
        self.tell = tell
    }

    func run() {
        tellFigures()
        while true {
            switch spool.commands.pop(waiting: SpoolLoop.syncInterval) {
            case .element(let command): perform(command)
            case .timedOut: break
            case .closed:
                attempt { () throws(SpoolFailure) in try store.synchronize() }
                return
            }
            if MonotonicTime.now >= nextSync { everySecond() }
        }
    }

    private func perform(_ command: Spool.Command) {
        switch command {
        case .append(let message):
            appended += 1
            attempt { () throws(SpoolFailure) in
                try store.append(message)
                frames += 1
            }
            spool.waiting.subtract(message.count, ordering: .relaxed)
        case .rewind(let turn):
            self.turn = turn
            store.rewind()
        case .read:
            let frame = store.next { failure in
                logger.warning("spooled frames lost", metadata: ["reason": "\(failure)"])
            }
            tell(.read(frame, turn: turn, isEmpty: store.isEmpty, appended: appended))
        case .acknowledge(let id): store.acknowledge(id)
        }
    }

    private func attempt(_ body: () throws(SpoolFailure) -> Void) {
        do throws(SpoolFailure) {
            try body()
        } catch {
            logger.warning("frame not spooled", metadata: ["reason": "\(error)"])
        }
    }

    private func everySecond() {
        nextSync = MonotonicTime.now.advanced(byMicroseconds: SpoolLoop.syncInterval)
        attempt { () throws(SpoolFailure) in try store.synchronize() }
        if store.lostBytes > lostBytes {
            logger.warning(
                "spool is full: its oldest frames give way",
                metadata: ["bytes": "\(store.lostBytes - lostBytes)", "kept": "\(store.byteCount)"])
            lostBytes = store.lostBytes
        }
        tellFigures()
    }

    private func tellFigures() {
        let figures = SpoolFigures(bytes: UInt64(store.byteCount), frames: frames)
        guard figures != told else { return }
        told = figures
        tell(.figures(figures))
    }
}
