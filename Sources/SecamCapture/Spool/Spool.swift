import Logging
import SecamBase
import SecamMesh
import SecamWire
import Synchronization

/// An event that the spool's thread delivers to the camera.
enum SpoolEvent: Sendable {
    /// The frame that was requested; `nil` if there is none now.
    ///
    /// - Parameters:
    ///   - rewind: the rewind that preceded the request.
    ///   - isEmpty: the spool holds no frame at all.
    ///   - appended: frames that were handed to the spool until then.
    case read(SpooledFrame?, rewind: UInt64, isEmpty: Bool, appended: UInt64)
    case figures(SpoolFigures)
}

struct SpoolFigures: Sendable, Equatable {
    /// Bytes on the disk.
    var bytes: UInt64 = 0
    /// Frames written since the start.
    var frames: UInt64 = 0
}

/// A store on the camera's own disk for frames that leave the ring before an archive has recorded them.
///
/// A dedicated thread writes and reads, so that a slow disk never blocks the camera's loop.
final class Spool: Sendable {
    fileprivate enum Command: Sendable {
        case append([UInt8])
        case rewind(number: UInt64)
        case read
        case acknowledge(SpoolStore.FrameID)
    }

    /// Bytes that may be queued for a slow disk.
    private static let queueLimit = 64 << 20

    fileprivate let commands = BlockingQueue<Command>()
    fileprivate let queuedBytes = Atomic<Int>(0)
    private let ended = AsyncStream<Void>.makeStream()
    private let logger: Logger

    /// Creates the spool's folder if it is missing, and starts the thread.
    ///
    /// - Parameter deliver: receives all events, on the spool's thread.
    init(
        _ settings: SpoolSettings, keys: KeyPair, logger: Logger, deliver: @escaping @Sendable (SpoolEvent) -> Void
    ) throws(SecretFile.Failure) {
        try SecretFile.makeFolder(settings.folder)
        self.logger = logger
        let key = SpoolKey(keys)
        let ended = ended.continuation
        DedicatedThread.start { [self] in
            let store = SpoolStore(in: settings.folder, key: key, limit: settings.limit)
            SpoolLoop(store: store, spool: self, logger: logger, deliver: deliver).run()
            ended.finish()
        }
    }

    /// Queues a frame behind all others.
    ///
    /// - Returns: whether the queue had room for it.
    func append(_ header: Frame, _ payload: ArraySlice<UInt8>) -> Bool {
        let message = header.encoded(payload: payload.count) + payload
        let before = queuedBytes.add(message.count, ordering: .relaxed).oldValue
        guard before <= Spool.queueLimit else {
            queuedBytes.subtract(message.count, ordering: .relaxed)
            logger.warning("frame not spooled", metadata: ["reason": "the disk is too slow"])
            return false
        }
        commands.push(.append(message))
        return true
    }

    /// Continues reading at the oldest frame that is not acknowledged.
    func rewind(number: UInt64) { commands.push(.rewind(number: number)) }

    /// Requests the next frame, which is delivered as `SpoolEvent.read`.
    func read() { commands.push(.read) }

    /// Releases this frame and all that were read before it.
    func acknowledge(_ id: SpoolStore.FrameID) { commands.push(.acknowledge(id)) }

    /// Ends the thread once all queued frames are written.
    func stop() { commands.close() }

    func waitUntilStopped() async { for await _ in ended.stream {} }
}

/// The loop of the spool's thread.
private final class SpoolLoop {
    /// Interval of syncs to the disk, which bounds the loss in a power failure.
    private static let syncInterval: Duration = .seconds(1)

    private let store: SpoolStore
    private let spool: Spool
    private let logger: Logger
    private let deliver: @Sendable (SpoolEvent) -> Void
    private var nextSync = MonotonicTime.now
    /// The number of the last rewind.
    private var lastRewind: UInt64 = 0
    private var appended: UInt64 = 0
    private var frames: UInt64 = 0
    private var deliveredFigures: SpoolFigures?
    private var loggedEvictedBytes: UInt64 = 0

    init(
        store: SpoolStore, spool: Spool, logger: Logger, deliver: @escaping @Sendable (SpoolEvent) -> Void
    ) {
        self.store = store
        self.spool = spool
        self.logger = logger
        self.deliver = deliver
    }

    func run() {
        deliverFigures()
        while true {
            switch spool.commands.pop(timeout: SpoolLoop.syncInterval) {
            case .element(let command): execute(command)
            case .timedOut: break
            case .closed: return synchronize()
            }
            if MonotonicTime.now >= nextSync { everySecond() }
        }
    }

    private func execute(_ command: Spool.Command) {
        switch command {
        case .append(let message): append(message)
        case .rewind(let number):
            lastRewind = number
            store.rewind()
        case .read:
            let frame = store.next { failure, bytes in
                logger.warning("spooled frames lost", metadata: ["reason": "\(failure)", "bytes": "\(bytes)"])
            }
            deliver(.read(frame, rewind: lastRewind, isEmpty: store.isEmpty, appended: appended))
        case .acknowledge(let id): store.acknowledge(id)
        }
    }

    private func append(_ message: [UInt8]) {
        appended += 1
        do throws(SpoolFailure) {
            try store.append(message)
            frames += 1
        } catch {
            logger.warning("frame not spooled", metadata: ["reason": "\(error)"])
        }
        spool.queuedBytes.subtract(message.count, ordering: .relaxed)
    }

    private func synchronize() {
        do throws(SpoolFailure) {
            try store.synchronize()
        } catch {
            logger.warning("spool sync failed", metadata: ["reason": "\(error)"])
        }
    }

    private func everySecond() {
        nextSync = .now + SpoolLoop.syncInterval
        synchronize()
        if store.evictedBytes > loggedEvictedBytes {
            logger.warning(
                "spooled frames evicted",
                metadata: [
                    "reason": "the spool or its disk is full", "bytes": "\(store.evictedBytes - loggedEvictedBytes)",
                    "kept": "\(store.byteCount)",
                ])
            loggedEvictedBytes = store.evictedBytes
        }
        deliverFigures()
    }

    private func deliverFigures() {
        let figures = SpoolFigures(bytes: UInt64(store.byteCount), frames: frames)
        guard figures != deliveredFigures else { return }
        deliveredFigures = figures
        deliver(.figures(figures))
    }
}
