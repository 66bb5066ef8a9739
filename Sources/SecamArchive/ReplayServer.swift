import Logging
import SecamBase
import SecamMesh
import SecamRecording
import SecamWire

/// What the gateway may ask.
enum Question: Sendable {
    case search(Search)
    case protect(Protect)
    case replay(Replay)
    case credit(Credit)
    case close(CloseFlow)
    /// The connection is gone.
    case lost
}

/// The one thread that reads recordings for others. Replays take turns, a frame each, so that one that is far ahead in
/// its credit does not keep the others waiting.
final class ReplayServer: Sendable {
    private let questions = BlockingQueue<(PeerID, Question)>()

    /// - Parameter answer: called on the reading thread with whole messages.
    init(_ index: RecordingIndex, logger: Logger, answer: @escaping @Sendable (MeshMessage, PeerID) -> Void) {
        let questions = questions
        DedicatedThread.start { ReplayLoop(index: index, logger: logger, questions: questions, answer: answer).run() }
    }

    func ask(_ question: Question, from peer: PeerID) { questions.push((peer, question)) }

    func stop() { questions.close() }
}

/// What the reading thread does.
private final class ReplayLoop {
    private struct Key: Hashable {
        let peer: PeerID
        let flow: UInt32
    }

    private struct Playing {
        let source: Source
        var credit: UInt32
        var heard = MonotonicTime.now
        /// Bytes of the frames that were sent and for which no credit has come back, in order, and their sum.
        var underWay: [Int] = []
        var bytesUnderWay = 0
        /// Read, and too large to be sent now.
        var held: RecordedFrame?

        func next(until deadline: MonotonicTime) throws(RecordingError) -> RecordingReader.Step {
            if let held { return .frame(held) }
            return try source.next(until: deadline)
        }

        mutating func noteSent(_ bytes: Int) {
            underWay.append(bytes)
            bytesUnderWay += bytes
        }

        /// Credit says that as many frames have been taken at the other end.
        mutating func noteTaken(_ frames: UInt32) {
            let count = min(underWay.count, Int(frames))
            bytesUnderWay -= underWay.prefix(count).reduce(0, +)
            underWay.removeFirst(count)
        }
    }

    /// Where the pictures of a replay come from.
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
            case .frames(let tape): try tape.next(until: deadline)
            case .thumbnails(let reader): try reader.next().map(RecordingReader.Step.frame) ?? .end
            }
        }
    }

    /// Replays of one connection.
    private static let mostReplays = 256
    private static let mostCredit: UInt32 = 256
    /// Bytes of one replay, and of all of one connection, that may be under way; of a replay one frame always may. What a
    /// connection does not read is bounded, too, and beyond that it is closed with everybody's replays.
    private static let replayBytes = 4 << 20
    private static let connectionBytes = 32 << 20
    /// Microseconds after which one that takes nothing any more is forgotten, as when its gateway is gone.
    private static let longestPause: Int64 = 600_000_000
    /// Microseconds that one replay may look for its next frame, and that a round of them may take, before questions are
    /// answered again.
    private static let longestTurn: Int64 = 5_000
    private static let longestRound: Int64 = 50_000

    private let index: RecordingIndex
    private let questions: BlockingQueue<(PeerID, Question)>
    private let answer: @Sendable (MeshMessage, PeerID) -> Void
    private var replays: [Key: Playing] = [:]
    /// Replays that wait for their turn in this round.
    private var round: [Key] = []
    private let logger: Logger

    init(
        index: RecordingIndex, logger: Logger, questions: BlockingQueue<(PeerID, Question)>,
        answer: @escaping @Sendable (MeshMessage, PeerID) -> Void
    ) {
        self.index = index
        self.logger = logger
        self.questions = questions
        self.answer = answer
    }

    func run() {
        while true {
            let isIdle = !replays.contains { mayGoOn($0.value, $0.key.peer) }
            switch questions.pop(waiting: isIdle ? nil : 0) {
            case .element(let (peer, question)): take(question, peer)
            case .timedOut: giveOneEach()
            case .closed: return
            }
        }
    }

    private func take(_ question: Question, _ peer: PeerID) {
        switch question {
        case .search(let search): find(search, peer)
        case .protect(let protect): self.protect(protect, peer)
        case .replay(let replay): begin(replay, peer)
        case .credit(let credit):
            let key = Key(peer: peer, flow: credit.flow)
            guard let held = replays[key]?.credit else {
                return end(key, .unknownFlow, "no such replay; ask for it anew")
            }
            replays[key]!.credit = min(held + credit.frames, ReplayLoop.mostCredit)
            replays[key]!.noteTaken(credit.frames)
            replays[key]!.heard = .now
        case .close(let close): replays[Key(peer: peer, flow: close.flow)] = nil
        case .lost: replays = replays.filter { $0.key.peer != peer }
        }
    }

    private func begin(_ replay: Replay, _ peer: PeerID) {
        let key = Key(peer: peer, flow: replay.flow)
        replays = replays.filter {
            $0.value.credit > 0 || MonotonicTime.now.since($0.value.heard) < ReplayLoop.longestPause
        }
        let ofPeer = replays.keys.lazy.filter { $0.peer == peer }.count
        guard replays[key] != nil || ofPeer < ReplayLoop.mostReplays else {
            return end(key, .tooMany, "\(ReplayLoop.mostReplays) replays of one connection")
        }
        guard replay.volume == index.volume else { return end(key, .done, "") }
        replays[key] = Playing(source: source(replay), credit: min(replay.credit, ReplayLoop.mostCredit))
    }

    private func source(_ replay: Replay) -> Source {
        switch replay.content {
        case .frames:
            .frames(
                RecordingReader(
                    index, camera: replay.camera, from: replay.from, to: replay.to, interval: Int64(replay.interval)))
        case .thumbnails:
            .thumbnails(ThumbnailReader(index, camera: replay.camera, from: replay.from, to: replay.to))
        }
    }

    private func giveOneEach() {
        if round.isEmpty { round = Array(replays.keys) }
        let end = MonotonicTime.now.advanced(byMicroseconds: ReplayLoop.longestRound)
        while MonotonicTime.now < end, let key = round.popLast() {
            if let playing = replays[key], mayGoOn(playing, key.peer) { giveOne(playing, key) }
        }
    }

    /// Whether a replay can be given its next frame, or, where that has not been read, probably can.
    private func mayGoOn(_ playing: Playing, _ peer: PeerID) -> Bool {
        guard playing.credit > 0 else { return false }
        guard playing.bytesUnderWay > 0 else { return true }
        let ofPeer = replays.lazy.filter { $0.key.peer == peer }.reduce(0) { $0 + $1.value.bytesUnderWay }
        let bytes = playing.held?.jpeg.count ?? 0
        return playing.bytesUnderWay + bytes <= ReplayLoop.replayBytes && ofPeer + bytes <= ReplayLoop.connectionBytes
    }

    private func giveOne(_ playing: Playing, _ key: Key) {
        do throws(RecordingError) {
            let deadline = MonotonicTime.now.advanced(byMicroseconds: ReplayLoop.longestTurn)
            switch try playing.next(until: deadline) {
            case .frame(let frame):
                replays[key]?.held = frame
                guard let playing = replays[key], mayGoOn(playing, key.peer) else { return }
                replays[key]?.held = nil
                replays[key]?.credit -= 1
                replays[key]?.noteSent(frame.jpeg.count)
                let header = Frame(
                    flow: key.flow, rendition: playing.source.rendition, format: .jpeg, incarnation: frame.incarnation,
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

    // MARK: Looking for

    private func find(_ search: Search, _ peer: PeerID) {
        let names: [Name?] = search.cameras.isEmpty ? [nil] : Set(search.cameras.map(\.name)).sorted()
        let (from, to, limit) = (search.from, search.to, Int(search.limit))
        var recordings = Newest<SegmentRow>(limit: limit, start: \.start)
        var events = Newest<(camera: Name, event: CameraEvent)>(limit: limit, start: \.event.start)
        var gaps = Newest<Found.Missing>(limit: limit, start: \.start)
        var isPartial = false
        do throws(RecordingError) {
            for name in names {
                if search.kinds.contains(.recordings) {
                    recordings.add(try index.segments(of: name, from: from, to: to, limit: limit))
                }
                if search.kinds.contains(.events) {
                    events.add(try index.events(of: name, from: from, to: to, limit: limit))
                }
                if search.kinds.contains(.gaps) {
                    gaps.add(try index.gaps(of: name, from: from, to: to, limit: limit))
                }
            }
        } catch {
            isPartial = true
            complain(error)
        }
        let since = max(recordings.since, events.since, gaps.since)
        tell(
            search.request, recordings.all(since: since).map(\.found),
            events.all(since: since).map { Found.Happened(camera: $0.camera, event: $0.event) },
            gaps.all(since: since), since: since, isPartial: isPartial, peer)
    }

    private func protect(_ protect: Protect, _ peer: PeerID) {
        var changed: [SegmentRow] = []
        var isPartial = false
        do throws(RecordingError) {
            changed = try index.protect(
                protect.protected, camera: protect.camera, from: protect.from, to: protect.to)
        } catch {
            isPartial = true
            complain(error)
        }
        tell(
            protect.request, changed.map(\.found), [], [], since: WireLimits.times.lowerBound, isPartial: isPartial,
            peer)
    }

    private func complain(_ error: RecordingError) {
        logger.error("archive query failed", metadata: ["reason": "\(error)"])
    }

    /// In as many messages as are needed.
    private func tell(
        _ request: UInt32, _ recordings: [Found.Recorded], _ events: [Found.Happened], _ gaps: [Found.Missing],
        since: Int64, isPartial: Bool, _ peer: PeerID
    ) {
        var (recordings, events, gaps) = (recordings[...], events[...], gaps[...])
        repeat {
            // An event has up to 400 bytes: fewer of them in a message than there could be.
            let part = (recordings.prefix(WireLimits.found), events.prefix(1000), gaps.prefix(WireLimits.found))
            recordings = recordings.dropFirst(part.0.count)
            events = events.dropFirst(part.1.count)
            gaps = gaps.dropFirst(part.2.count)
            let isLast = recordings.isEmpty && events.isEmpty && gaps.isEmpty
            answer(
                MeshMessage(
                    Found(
                        request: request, last: isLast, partial: isPartial, volume: index.volume,
                        recordings: Array(part.0),
                        events: Array(part.1), gaps: Array(part.2), since: since)), peer)
        } while !(recordings.isEmpty && events.isEmpty && gaps.isEmpty)
    }
}

/// The last entries of several cameras together, and from when on there is none besides.
private struct Newest<Entry: Sendable> {
    private let limit: Int
    private let start: (Entry) -> Int64
    private var entries: [Entry] = []
    /// UTC microseconds.
    private(set) var since = WireLimits.times.lowerBound

    init(limit: Int, start: @escaping (Entry) -> Int64) {
        self.limit = limit
        self.start = start
    }

    mutating func add(_ page: RecordingIndex.Page<Entry>) {
        if let first = page.since { since = max(since, first) }
        entries += page.entries
        guard entries.count > limit else { return }
        entries.sort { start($0) < start($1) }
        since = max(since, start(entries[entries.count - limit]))
        entries.removeAll { start($0) < since }
    }

    func all(since: Int64) -> [Entry] {
        entries.filter { start($0) >= since }.sorted { start($0) < start($1) }
    }
}

extension SegmentRow {
    fileprivate var found: Found.Recorded {
        Found.Recorded(
            start: start, end: end, bytes: bytes, frames: UInt32(clamping: frames), protected: isProtected,
            open: state == .open, camera: camera)
    }
}
