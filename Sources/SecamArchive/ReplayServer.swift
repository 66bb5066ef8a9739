import SecamBase
import SecamMesh
import SecamRecording
import SecamWire

/// A request of the gateway that concerns replays.
enum ReplayRequest: Sendable {
    case replay(Replay)
    case credit(Credit)
    case close(CloseFlow)
    /// The connection is gone.
    case lost
}

/// The thread that serves replays. They take turns, one frame each, so that a replay with much credit does not delay the
/// others.
final class ReplayServer: Sendable {
    private let requests = BlockingQueue<(PeerID, ReplayRequest)>()

    /// Starts the thread.
    ///
    /// - Parameter answer: called on the reading thread with whole messages.
    init(_ index: RecordingIndex, answer: @escaping @Sendable (MeshMessage, PeerID) -> Void) {
        let requests = requests
        DedicatedThread.start { ReplayLoop(index: index, requests: requests, answer: answer).run() }
    }

    func handle(_ request: ReplayRequest, from peer: PeerID) { requests.push((peer, request)) }

    func stop() { requests.close() }
}

/// The loop of the reading thread.
private final class ReplayLoop {
    private struct Key: Hashable {
        let peer: PeerID
        let flow: UInt32
    }

    /// A replay that has not ended.
    private struct ActiveReplay {
        let source: Source
        var credit: UInt32
        var lastCredit = MonotonicTime.now
        /// The sizes of the sent frames whose credit has not returned, in order, and their sum.
        var inFlight: [Int] = []
        var bytesInFlight = 0
        /// The next frame, if it was read and cannot be sent yet.
        var held: RecordedFrame?

        func next(until deadline: MonotonicTime) throws(RecordingError) -> RecordingReader.Step {
            if let held { return .frame(held) }
            return try source.next(until: deadline)
        }

        /// Counts a sent frame.
        mutating func send(_ bytes: Int) {
            inFlight.append(bytes)
            bytesInFlight += bytes
        }

        /// Counts frames that the peer has received, as its credit shows.
        mutating func acknowledge(_ frames: UInt32) {
            let count = min(inFlight.count, Int(frames))
            bytesInFlight -= inFlight.prefix(count).reduce(0, +)
            inFlight.removeFirst(count)
        }
    }

    /// The source of a replay's pictures.
    private enum Source {
        case frames(RecordingReader)
        case thumbnails(ThumbnailReader)

        var rendition: Rendition {
            switch self {
            case .frames: .jpeg
            case .thumbnails: .sub
            }
        }

        func next(until deadline: MonotonicTime) throws(RecordingError) -> RecordingReader.Step {
            switch self {
            case .frames(let reader): try reader.next(until: deadline)
            case .thumbnails(let reader): try reader.next(until: deadline)
            }
        }
    }

    /// The maximum number of replays per connection.
    private static let replayLimit = 256
    private static let creditLimit: UInt32 = 256
    /// The maximum number of bytes in flight per replay, which always may have one frame in flight.
    private static let replayBytes = 4 << 20
    /// The maximum number of bytes in flight per connection. A connection with too much unread data would be closed,
    /// with all of its replays.
    private static let connectionBytes = 32 << 20
    /// A replay without credit for this long is dropped, as after the end of its gateway.
    private static let idleTimeout = Duration.seconds(600)
    /// The time for a replay to find its next frame.
    private static let turnLimit = Duration.milliseconds(5)
    /// The time for a round of replays, and for the requests between two rounds.
    private static let roundLimit = Duration.milliseconds(50)

    private let index: RecordingIndex
    private let requests: BlockingQueue<(PeerID, ReplayRequest)>
    private let answer: @Sendable (MeshMessage, PeerID) -> Void
    private var replays: [Key: ActiveReplay] = [:]
    /// The replays that wait for their turn in this round.
    private var round: [Key] = []

    init(
        index: RecordingIndex, requests: BlockingQueue<(PeerID, ReplayRequest)>,
        answer: @escaping @Sendable (MeshMessage, PeerID) -> Void
    ) {
        self.index = index
        self.requests = requests
        self.answer = answer
    }

    func run() {
        while handleRequests() { sendRound() }
    }

    /// Handles the waiting requests, for a limited time so that a stream of requests does not stop the replays. Waits for
    /// a request while no replay can continue.
    ///
    /// - Returns: false once the queue is closed.
    private func handleRequests() -> Bool {
        let end = MonotonicTime.now + ReplayLoop.roundLimit
        var timeout: Duration? = replays.contains { canContinue($0.value, $0.key.peer) } ? .zero : nil
        repeat {
            switch requests.pop(timeout: timeout) {
            case .element(let (peer, request)): handle(request, peer)
            case .timedOut: return true
            case .closed: return false
            }
            timeout = .zero
        } while MonotonicTime.now < end
        return true
    }

    private func handle(_ request: ReplayRequest, _ peer: PeerID) {
        switch request {
        case .replay(let replay): start(replay, peer)
        case .credit(let credit):
            let key = Key(peer: peer, flow: credit.flow)
            guard let held = replays[key]?.credit else {
                return end(key, .unknownFlow, "no such replay; request it again")
            }
            replays[key]!.credit = min(held + credit.frames, ReplayLoop.creditLimit)
            replays[key]!.acknowledge(credit.frames)
            replays[key]!.lastCredit = .now
        case .close(let close): replays[Key(peer: peer, flow: close.flow)] = nil
        case .lost: replays = replays.filter { $0.key.peer != peer }
        }
    }

    private func start(_ replay: Replay, _ peer: PeerID) {
        let key = Key(peer: peer, flow: replay.flow)
        replays = replays.filter {
            $0.value.credit > 0 || MonotonicTime.now - $0.value.lastCredit < ReplayLoop.idleTimeout
        }
        let ofPeer = replays.keys.lazy.filter { $0.peer == peer }.count
        guard replays[key] != nil || ofPeer < ReplayLoop.replayLimit else {
            return end(key, .tooMany, "\(ReplayLoop.replayLimit) replays of one connection")
        }
        guard replay.volume == index.volume else { return end(key, .done, "") }
        replays[key] = ActiveReplay(source: source(replay), credit: min(replay.credit, ReplayLoop.creditLimit))
    }

    private func source(_ replay: Replay) -> Source {
        switch replay.content {
        case .frames:
            .frames(
                RecordingReader(
                    index, camera: replay.camera, from: replay.from, to: replay.to,
                    interval: .microseconds(replay.interval)))
        case .thumbnails:
            .thumbnails(ThumbnailReader(index, camera: replay.camera, from: replay.from, to: replay.to))
        }
    }

    /// Sends a frame of each replay that has its turn.
    private func sendRound() {
        if round.isEmpty { round = Array(replays.keys) }
        let end = MonotonicTime.now + ReplayLoop.roundLimit
        while MonotonicTime.now < end, let key = round.popLast() {
            if let replay = replays[key], canContinue(replay, key.peer) { sendFrame(of: replay, key) }
        }
    }

    /// Whether a replay has something to do. Without credit it reads one frame ahead, because its end needs no credit.
    private func canContinue(_ replay: ActiveReplay, _ peer: PeerID) -> Bool {
        replay.credit > 0 ? canSend(replay, peer) : replay.held == nil
    }

    /// Whether the next frame of a replay can be sent. True if its size is unknown and no limit is reached yet.
    private func canSend(_ replay: ActiveReplay, _ peer: PeerID) -> Bool {
        guard replay.credit > 0 else { return false }
        guard replay.bytesInFlight > 0 else { return true }
        let ofPeer = replays.lazy.filter { $0.key.peer == peer }.reduce(0) { $0 + $1.value.bytesInFlight }
        let bytes = replay.held?.jpeg.count ?? 0
        return replay.bytesInFlight + bytes <= ReplayLoop.replayBytes && ofPeer + bytes <= ReplayLoop.connectionBytes
    }

    private func sendFrame(of replay: ActiveReplay, _ key: Key) {
        do throws(RecordingError) {
            switch try replay.next(until: MonotonicTime.now + ReplayLoop.turnLimit) {
            case .frame(let frame):
                replays[key]?.held = frame
                guard let replay = replays[key], canSend(replay, key.peer) else { return }
                replays[key]?.held = nil
                replays[key]?.credit -= 1
                replays[key]?.send(frame.jpeg.count)
                let header = Frame(
                    flow: key.flow, rendition: replay.source.rendition, format: .jpeg, incarnation: frame.incarnation,
                    sequence: frame.sequence, timestamp: frame.timestamp, width: frame.width, height: frame.height)
                answer(
                    MeshMessage(header.encoded(payload: frame.jpeg.count), payload: frame.jpeg[...]), key.peer)
            case .pause: break
            case .end: end(key, .done, "")
            }
        } catch {
            end(key, .done, "\(error)")
        }
    }

    private func end(_ key: Key, _ reason: CloseReason, _ detail: String) {
        replays[key] = nil
        answer(MeshMessage(CloseFlow(flow: key.flow, reason: reason, detail: detail)), key.peer)
    }
}
