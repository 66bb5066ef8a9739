import Glibc
import SecamBase
import SecamWire

/// A client for recordings: it queries and replays them. Its calls block, and it belongs to one thread.
final class PlaybackClient {
    /// The recordings, events and gaps that a query found.
    struct SearchResult: Sendable {
        struct Recording: Sendable, Equatable {
            let volume: UInt64
            let recording: FoundRecording
        }

        var recordings: [Recording] = []
        var events: [FoundEvent] = []
        /// Volumes with events.
        var eventVolumes: Set<UInt64> = []
        var gaps: [FoundGap] = []
        /// Whether there may be more, since an archive did not answer or none is connected.
        var isPartial = false
        /// The result is complete from this time on, and excludes earlier entries. UTC microseconds.
        var since = Int64.min

        var isEmpty: Bool { recordings.isEmpty && events.isEmpty && gaps.isEmpty }

        /// Number of recordings, events or gaps, whichever is the largest.
        var largestCount: Int { max(recordings.count, events.count, gaps.count) }

        /// Adds the complete part of an earlier page. Archives differ in how far back their answers reach; the next page
        /// contains the entries before the complete part again.
        mutating func add(_ page: SearchResult) {
            recordings += page.recordings.filter { $0.recording.start >= page.since }
            events += page.events.filter { $0.event.start >= page.since }
            gaps += page.gaps.filter { $0.start >= page.since }
            eventVolumes.formUnion(page.eventVolumes)
            isPartial = isPartial || page.isPartial
            since = page.since
        }

        /// Returns the part of a page that `add` leaves out.
        func incompletePart() -> SearchResult {
            var early = SearchResult()
            early.recordings = recordings.filter { $0.recording.start < since }
            early.events = events.filter { $0.event.start < since }
            early.gaps = gaps.filter { $0.start < since }
            return early
        }

        /// Queries page by page, the last one first, back to the start of a range or up to a limit.
        ///
        /// One archive may fill any number of pages with its own entries. So the number of pages is bounded, and the
        /// incomplete part of the last page, with the entries of other archives, is kept.
        ///
        /// - Parameters:
        ///   - from, to: UTC microseconds.
        ///   - limit: recordings, events or gaps after which the query stops.
        ///   - ask: queries one page, given its end and the number of entries to return.
        static func paged(
            from: Int64, to: Int64, limit: Int, ask: (Int64, UInt32) throws(ClientError) -> SearchResult
        ) throws(ClientError) -> SearchResult {
            var result = SearchResult()
            var end = to
            for number in 1...PlaybackClient.pageLimit {
                let wanted = UInt32(clamping: min(limit - result.largestCount, Int(Search.largestLimit)))
                let page = try ask(end, wanted)
                result.add(page)
                // A page that reaches back no further than the one before would be queried forever.
                let mayGoOn = page.since > from && page.since < end && !result.isPartial
                if mayGoOn, result.largestCount >= limit { break }
                if mayGoOn, number == PlaybackClient.pageLimit { result.isPartial = true }
                guard mayGoOn, number < PlaybackClient.pageLimit else {
                    let early = page.incompletePart()
                    result.recordings += early.recordings
                    result.events += early.events
                    result.gaps += early.gaps
                    break
                }
                end = page.since
            }
            result.sort()
            return result
        }

        mutating func sort() {
            recordings.sort { $0.recording.start < $1.recording.start }
            events.sort { $0.event.start < $1.event.start }
            gaps.sort { $0.start < $1.start }
        }

        var cameras: Set<Name> {
            Set(recordings.map(\.recording.camera)).union(events.map(\.camera)).union(gaps.map(\.camera))
        }
    }

    /// Timeout of the login, and of each answer.
    static let timeout: Duration = .seconds(20)
    /// Time to wait for archives that are not connected yet, after a start of the gateway or the machine.
    private static let archiveTimeout: Duration = .seconds(8)
    /// Interval between two queries while archives are missing.
    private static let retryInterval: Duration = .milliseconds(500)
    /// Pages of one query, of up to 100,000 entries of each kind.
    static let pageLimit = 64
    /// Frames of a replay in flight.
    static let window: UInt32 = 16

    private let login: GatewayLogin
    private let client: GatewayClient
    private let events: BlockingQueue<GatewayEvent>
    private var lastNumber: UInt32 = 0
    /// The present cameras. There may be recordings of other, removed cameras.
    private(set) var cameras: [Cameras.Camera] = []

    /// Connects and logs in.
    init(_ login: GatewayLogin) throws(ClientError) {
        self.login = login
        let events = BlockingQueue<GatewayEvent>()
        self.events = events
        client = try login.client(login.settings(), reconnects: false) { events.push($0) }
        client.start()
        do {
            while true {
                if case .cameras(let cameras) = try next() {
                    self.cameras = cameras
                    return
                }
            }
        } catch {
            client.stop()
            throw error
        }
    }

    func stop() { client.stop() }

    /// Waits for the next event.
    ///
    /// - Throws: when the connection ends or the wait times out.
    private func next() throws(ClientError) -> GatewayEvent {
        guard let event = try pop(timeout: Self.timeout) else {
            throw .noAnswer(server: login.server, timeout: Self.timeout)
        }
        return event
    }

    /// Returns the next event without waiting; `nil` when there is none.
    func poll() throws(ClientError) -> GatewayEvent? { try pop(timeout: .zero) }

    private func pop(timeout: Duration) throws(ClientError) -> GatewayEvent? {
        switch events.pop(timeout: timeout) {
        case .element(.state(.failed(let error))): throw error
        case .element(.refused(_, let detail)): throw .refused(server: login.server, detail: detail)
        case .element(let event): return event
        case .timedOut, .closed: return nil
        }
    }

    // MARK: Queries

    /// Returns the entries in a range, or the last ones up to the limit. It waits for archives that are not connected yet.
    ///
    /// - Parameter limit: recordings, events or gaps after which the query stops.
    /// - Throws: `noArchive` when no archive answers; when only some do not, a warning goes to standard error.
    ///   `noSuchCamera` for a camera that is neither listed nor recorded.
    func find(
        _ kinds: FoundKinds, of cameras: [Name], from: Int64, to: Int64, limit: Int = .max
    ) throws(ClientError) -> SearchResult {
        let deadline = MonotonicTime.now + Self.archiveTimeout
        while true {
            let result = try findOnce(kinds, of: cameras, from: from, to: to, limit: limit)
            guard result.isPartial else {
                try check(cameras, result)
                return result
            }
            guard MonotonicTime.now < deadline else {
                guard !result.isEmpty else { throw .noArchive(server: login.server) }
                StandardError.line("an archive does not answer, so there may be more")
                return result
            }
            usleep(UInt32(Self.retryInterval.microseconds))
        }
    }

    private func check(_ names: [Name], _ result: SearchResult) throws(ClientError) {
        let known = result.cameras.union(cameras.map(\.name))
        let others = names.filter { !known.contains($0) }
        guard !others.isEmpty else { return }
        let past = try findOnce(.recordings, of: others, from: 0, to: .max)
        guard !past.isPartial else { return }
        try CameraNames.check(others.filter { !past.cameras.contains($0) }, in: cameras, server: login.server)
    }

    /// Returns the entries of the archives that are connected now.
    func findOnce(
        _ kinds: FoundKinds, of cameras: [Name], from: Int64, to: Int64, limit: Int = .max
    ) throws(ClientError) -> SearchResult {
        let from = WireLimits.times.clamping(from)
        return try SearchResult.paged(from: from, to: to, limit: limit) { (end, wanted) throws(ClientError) in
            try findPage(kinds, of: cameras, from: from, to: end, limit: wanted)
        }
    }

    private func findPage(
        _ kinds: FoundKinds, of cameras: [Name], from: Int64, to: Int64, limit: UInt32
    ) throws(ClientError) -> SearchResult {
        let request = nextNumber()
        client.send { connection in
            connection.search(
                Search(
                    request: request, kinds: kinds, from: from, to: to,
                    cameras: cameras.map { Search.Camera(name: $0) }, limit: limit))
        }
        return try collect(request)
    }

    func protect(_ isProtected: Bool, _ camera: Name, from: Int64, to: Int64) throws(ClientError) -> SearchResult {
        let request = nextNumber()
        client.send { connection in
            connection.protect(
                Protect(request: request, protected: isProtected, from: from, to: to, camera: camera))
        }
        var result = try collect(request)
        result.sort()
        return result
    }

    private func collect(_ request: UInt32) throws(ClientError) -> SearchResult {
        var result = SearchResult()
        while true {
            guard case .found(let found) = try next(), found.request == request else { continue }
            result.recordings += found.recordings.map { SearchResult.Recording(volume: found.volume, recording: $0) }
            result.events += found.events
            if !found.events.isEmpty { result.eventVolumes.insert(found.volume) }
            result.gaps += found.gaps
            if found.partial { result.isPartial = true }
            guard found.last else { continue }
            result.since = found.since
            return result
        }
    }

    private func nextNumber() -> UInt32 {
        lastNumber += 1
        return lastNumber
    }

    // MARK: Replays

    /// Starts a replay. Its frames arrive as events.
    ///
    /// - Parameter interval: shortest time between two frames, microseconds; 0 for every frame.
    /// - Returns: the replay's flow.
    func startReplay(
        _ run: ReplayPlan.Run, of camera: Name, interval: UInt32, content: ReplayContent = .frames
    ) -> UInt32 {
        let flow = Replay.flowBit | nextNumber()
        client.send { connection in
            connection.replay(
                Replay(
                    flow: flow, credit: PlaybackClient.window, interval: interval, content: content, from: run.from,
                    to: run.to, volume: run.volume, camera: camera))
        }
        return flow
    }

    /// Lets the gateway send more frames of a replay.
    func grantCredit(_ flow: UInt32, frames: UInt32) {
        client.send { $0.grantCredit(replay: flow, frames: frames) }
    }

    func end(_ flow: UInt32) {
        client.send { $0.end(replay: flow) }
    }

    /// Replays all runs of a plan as fast as `handle` returns.
    ///
    /// - Parameter handle: handles a frame, and returns whether the replay continues.
    func replay(
        _ plan: ReplayPlan, of camera: Name, content: ReplayContent = .frames,
        handle: (ReceivedFrame) throws(ClientError) -> Bool
    ) throws(ClientError) {
        for run in plan.runs {
            let flow = startReplay(run, of: camera, interval: 0, content: content)
            var owed: UInt32 = 0
            var isOver = false
            while !isOver {
                switch try next() {
                case .replayed(let frame, flow):
                    guard try handle(frame) else { return end(flow) }
                    owed += 1
                    if owed >= PlaybackClient.window / 2 {
                        grantCredit(flow, frames: owed)
                        owed = 0
                    }
                case .replayEnded(let close) where close.flow == flow:
                    switch close.reason {
                    case .done where close.detail.isEmpty: isOver = true
                    case .shutdown, .unknownFlow: throw .archiveGone(server: login.server, detail: close.detail)
                    default:
                        throw .refused(
                            server: login.server, detail: close.detail.isEmpty ? "\(close.reason)" : close.detail)
                    }
                default: break
                }
            }
        }
    }
}

/// The volumes, and the time range of each, that together hold a range of recordings.
struct ReplayPlan: Sendable, Equatable {
    struct Run: Sendable, Equatable {
        let volume: UInt64
        /// UTC microseconds.
        let from: Int64
        let to: Int64
    }

    let runs: [Run]

    /// Makes a plan of all recordings. Several volumes may have recordings of the same time, with the same or other frames;
    /// the caller finds repeated frames with a `FrameSet`.
    ///
    /// - Parameter recordings: sorted by start.
    init(_ recordings: [PlaybackClient.SearchResult.Recording], from: Int64, to: Int64) {
        var runs: [Run] = []
        for (volume, recording) in recordings.map({ ($0.volume, $0.recording) }) {
            let start = max(from, recording.start)
            // An open recording still grows, so its run extends to the end of the range.
            let end = recording.open ? to : min(to, recording.end + 1)
            guard end > start else { continue }
            if let last = runs.last, last.volume == volume {
                runs[runs.count - 1] = Run(volume: volume, from: last.from, to: max(last.to, end))
            } else {
                runs.append(Run(volume: volume, from: runs.isEmpty ? from : start, to: end))
            }
        }
        self.runs = runs
    }

    /// Returns the time from which to resume a replay that was cut off after a frame: the start of the overlapping
    /// recordings around the frame's time, since it is unknown which of them were complete.
    ///
    /// - Parameters:
    ///   - recordings: sorted by start.
    ///   - last: time of the frame, UTC microseconds.
    static func resumption(_ recordings: [PlaybackClient.SearchResult.Recording], after last: Int64) -> Int64 {
        var start = last
        var reached = Int64.min
        for recording in recordings.map(\.recording) where recording.start <= last {
            if recording.start > reached { start = recording.start }
            reached = max(reached, recording.end)
        }
        return reached >= last ? start : last
    }

    init(runs: [Run]) { self.runs = runs }
}
