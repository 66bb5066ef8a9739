import Logging
import SecamBase
import SecamMesh
import SecamRecording
import SecamWire

/// A query of the gateway.
enum ArchiveQuery: Sendable {
    case search(Search)
    case protect(Protect)
}

/// The threads that answer the gateway's queries. Long queries do not delay replays, which have their own thread, and a
/// long query does not delay those of other users: there are several threads, and the gateway sends one query of each user
/// at a time.
final class SearchServer: Sendable {
    private static let threads = 2

    private let queries = BlockingQueue<(PeerID, ArchiveQuery)>()

    /// Starts the threads.
    ///
    /// - Parameter answer: called on these threads with whole messages.
    init(_ index: RecordingIndex, logger: Logger, answer: @escaping @Sendable (MeshMessage, PeerID) -> Void) {
        let queries = queries
        for _ in 0..<Self.threads {
            DedicatedThread.start {
                let searcher = Searcher(index: index, logger: logger, answer: answer)
                while case .element(let (peer, query)) = queries.pop(timeout: nil) { searcher.answer(query, peer) }
            }
        }
    }

    func handle(_ query: ArchiveQuery, from peer: PeerID) { queries.push((peer, query)) }

    func stop() { queries.close() }
}

/// Answers queries from the index.
private struct Searcher {
    let index: RecordingIndex
    let logger: Logger
    let answer: @Sendable (MeshMessage, PeerID) -> Void

    func answer(_ query: ArchiveQuery, _ peer: PeerID) {
        switch query {
        case .search(let search): find(search, peer)
        case .protect(let protect): self.protect(protect, peer)
        }
    }

    private func find(_ search: Search, _ peer: PeerID) {
        let names: [Name?] = search.cameras.isEmpty ? [nil] : Set(search.cameras.map(\.name)).sorted()
        let (from, to, limit) = (search.from, search.to, Int(search.limit))
        var recordings = Newest<SegmentRow>(limit: limit, start: \.start)
        var events = Newest<(camera: Name, event: CameraEvent)>(limit: limit, start: \.event.start)
        var gaps = Newest<FoundGap>(limit: limit, start: \.start)
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
            log(error)
        }
        let since = max(recordings.since, events.since, gaps.since)
        sendFound(
            search.request, recordings.all(since: since).map(\.found),
            events.all(since: since).map { FoundEvent(camera: $0.camera, event: $0.event) },
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
            log(error)
        }
        sendFound(
            protect.request, changed.map(\.found), [], [], since: WireLimits.times.lowerBound, isPartial: isPartial,
            peer)
    }

    private func log(_ error: RecordingError) {
        logger.error("archive query failed", metadata: ["reason": "\(error)"])
    }

    /// Sends the results in as many messages as needed.
    private func sendFound(
        _ request: UInt32, _ recordings: [FoundRecording], _ events: [FoundEvent], _ gaps: [FoundGap],
        since: Int64, isPartial: Bool, _ peer: PeerID
    ) {
        var (recordings, events, gaps) = (recordings[...], events[...], gaps[...])
        repeat {
            // Small messages, because a reader handles each as a whole. An event has up to 400 bytes.
            let part = (recordings.prefix(512), events.prefix(128), gaps.prefix(512))
            recordings = recordings.dropFirst(part.0.count)
            events = events.dropFirst(part.1.count)
            gaps = gaps.dropFirst(part.2.count)
            let isLast = recordings.isEmpty && events.isEmpty && gaps.isEmpty
            answer(
                MeshMessage(
                    Found(
                        request: request, last: isLast, partial: isPartial, volume: index.volume,
                        recordings: Array(part.0), events: Array(part.1), gaps: Array(part.2), since: since)), peer)
        } while !(recordings.isEmpty && events.isEmpty && gaps.isEmpty)
    }
}

/// The newest entries of several cameras together, and the time from which they are complete.
private struct Newest<Entry: Sendable> {
    private let limit: Int
    private let start: (Entry) -> Int64
    private var entries: [Entry] = []
    /// The start from which the entries are complete, UTC microseconds.
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
    fileprivate var found: FoundRecording {
        FoundRecording(
            start: start, end: end, bytes: bytes, frames: UInt32(clamping: frames), protected: isProtected,
            open: state == .open, camera: camera)
    }
}
