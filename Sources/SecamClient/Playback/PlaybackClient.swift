import Glibc
import SecamBase
import SecamWire

/// Looks back: asks the gateway what was recorded, and has it played. Its calls block; it belongs to one thread.
final class PlaybackClient {
    /// All that was found.
    struct Findings: Sendable {
        struct Part: Sendable, Equatable {
            let volume: UInt64
            let recording: Found.Recorded
        }

        var recordings: [Part] = []
        var events: [Found.Happened] = []
        /// Storages that know of events.
        var eventVolumes: Set<UInt64> = []
        var gaps: [Found.Missing] = []
        /// There may be more: some archive did not answer, or none is there.
        var isPartial = false
        /// All that begins then or later was found; what begins before was not asked for. UTC microseconds.
        var since = Int64.min

        var isEmpty: Bool { recordings.isEmpty && events.isEmpty && gaps.isEmpty }

        /// The largest number of entries of any kind.
        var longest: Int { max(recordings.count, events.count, gaps.count) }

        /// Adds what was told of an earlier time. What is told twice, since not all archives go back as far, comes again
        /// with the next page.
        mutating func add(_ page: Findings) {
            recordings += page.recordings.filter { $0.recording.start >= page.since }
            events += page.events.filter { $0.event.start >= page.since }
            gaps += page.gaps.filter { $0.start >= page.since }
            eventVolumes.formUnion(page.eventVolumes)
            isPartial = isPartial || page.isPartial
            since = page.since
        }

        /// What `add` leaves out of a page.
        func beforeSince() -> Findings {
            var early = Findings()
            early.recordings = recordings.filter { $0.recording.start < since }
            early.events = events.filter { $0.event.start < since }
            early.gaps = gaps.filter { $0.start < since }
            return early
        }

        /// Asks page by page, the last one first, until the start of a range or a limit is reached.
        ///
        /// An archive may fill page after page with entries of its own. So there is a bound, and what others told of
        /// earlier times is kept when there is no next page with which it would come again.
        ///
        /// - Parameters:
        ///   - from, to: UTC microseconds.
        ///   - limit: entries of any kind after which no more are asked for.
        ///   - ask: is given the end of a page, and the number of entries that are wanted.
        static func paged(
            from: Int64, to: Int64, limit: Int, ask: (Int64, UInt32) throws(ClientError) -> Findings
        ) throws(ClientError) -> Findings {
            var findings = Findings()
            var end = to
            for number in 1...PlaybackClient.mostPages {
                let wanted = UInt32(clamping: min(limit - findings.longest, Int(Search.largestLimit)))
                let page = try ask(end, wanted)
                findings.add(page)
                // A page that goes back no further is no answer to go on from.
                let mayGoOn = page.since > from && page.since < end && !findings.isPartial
                if mayGoOn, findings.longest >= limit { break }
                if mayGoOn, number == PlaybackClient.mostPages { findings.isPartial = true }
                guard mayGoOn, number < PlaybackClient.mostPages else {
                    let early = page.beforeSince()
                    findings.recordings += early.recordings
                    findings.events += early.events
                    findings.gaps += early.gaps
                    break
                }
                end = page.since
            }
            findings.sort()
            return findings
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

    /// Seconds to wait for the login, and for each answer.
    static let patience = 20
    /// Microseconds for which archives are waited for that a gateway or a machine that was just started misses, and
    /// between two questions.
    private static let returnTime: Int64 = 8_000_000
    private static let pause: Int64 = 500_000
    /// Answers that are asked for in a row, of up to 100,000 entries of each kind.
    static let mostPages = 64
    /// Frames of a replay on their way at once.
    static let window: UInt32 = 16

    private let login: GatewayLogin
    private let client: GatewayClient
    private let events: BlockingQueue<GatewayEvent>
    private var lastNumber: UInt32 = 0
    /// Those that are there now; others may have been recorded.
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

    /// The next event.
    ///
    /// - Throws: when the connection ends, or nothing comes.
    private func next() throws(ClientError) -> GatewayEvent {
        switch events.pop(waiting: Int64(PlaybackClient.patience) * 1_000_000) {
        case .element(.state(.failed(let error))): throw error
        case .element(.refused(_, let detail)): throw .refused(server: login.server, detail: detail)
        case .element(let event): return event
        case .timedOut, .closed: throw .noAnswer(server: login.server, seconds: PlaybackClient.patience)
        }
    }

    /// The next event that is there already.
    func poll() throws(ClientError) -> GatewayEvent? {
        switch events.pop(waiting: 0) {
        case .element(.state(.failed(let error))): throw error
        case .element(.refused(_, let detail)): throw .refused(server: login.server, detail: detail)
        case .element(let event): return event
        case .timedOut, .closed: return nil
        }
    }

    // MARK: Questions

    /// Everything in a range, or the last of it. Archives that are not there for a moment are waited for.
    ///
    /// - Parameter limit: recordings, events or gaps after which no more are asked for.
    /// - Throws: `noArchive` when none answers; where only some do not, that is said on standard error. `noSuchCamera`
    ///   for one that is not there and of which nothing was recorded at any time.
    func find(
        _ kinds: FoundKinds, of cameras: [Name], from: Int64, to: Int64, limit: Int = .max
    ) throws(ClientError) -> Findings {
        let deadline = MonotonicTime.now.advanced(byMicroseconds: PlaybackClient.returnTime)
        while true {
            let findings = try findOnce(kinds, of: cameras, from: from, to: to, limit: limit)
            guard findings.isPartial else {
                try check(cameras, findings)
                return findings
            }
            guard MonotonicTime.now < deadline else {
                guard !findings.isEmpty else { throw .noArchive(server: login.server) }
                StandardError.line("an archive does not answer: there may be more")
                return findings
            }
            usleep(UInt32(PlaybackClient.pause))
        }
    }

    private func check(_ names: [Name], _ findings: Findings) throws(ClientError) {
        let known = findings.cameras.union(cameras.map(\.name))
        let others = names.filter { !known.contains($0) }
        guard !others.isEmpty else { return }
        let past = try findOnce(.recordings, of: others, from: 0, to: .max)
        guard !past.isPartial else { return }
        try CameraNames.check(others.filter { !past.cameras.contains($0) }, in: cameras, server: login.server)
    }

    /// What the archives know which are there now, page by page, the last one first.
    func findOnce(
        _ kinds: FoundKinds, of cameras: [Name], from: Int64, to: Int64, limit: Int = .max
    ) throws(ClientError) -> Findings {
        let from = WireLimits.times.clamping(from)
        return try Findings.paged(from: from, to: to, limit: limit) { (end, wanted) throws(ClientError) in
            try findPage(kinds, of: cameras, from: from, to: end, limit: wanted)
        }
    }

    private func findPage(
        _ kinds: FoundKinds, of cameras: [Name], from: Int64, to: Int64, limit: UInt32
    ) throws(ClientError) -> Findings {
        let request = nextNumber()
        client.tell { connection in
            connection.search(
                Search(
                    request: request, kinds: kinds, from: from, to: to,
                    cameras: cameras.map { Search.Camera(name: $0) }, limit: limit))
        }
        return try collect(request)
    }

    func protect(_ isProtected: Bool, _ camera: Name, from: Int64, to: Int64) throws(ClientError) -> Findings {
        let request = nextNumber()
        client.tell { connection in
            connection.protect(
                Protect(request: request, protected: isProtected, from: from, to: to, camera: camera))
        }
        var findings = try collect(request)
        findings.sort()
        return findings
    }

    private func collect(_ request: UInt32) throws(ClientError) -> Findings {
        var findings = Findings()
        while true {
            guard case .found(let found) = try next(), found.request == request else { continue }
            findings.recordings += found.recordings.map { Findings.Part(volume: found.volume, recording: $0) }
            findings.events += found.events
            if !found.events.isEmpty { findings.eventVolumes.insert(found.volume) }
            findings.gaps += found.gaps
            if found.partial { findings.isPartial = true }
            guard found.last else { continue }
            findings.since = found.since
            return findings
        }
    }

    private func nextNumber() -> UInt32 {
        lastNumber += 1
        return lastNumber
    }

    // MARK: Replays

    /// Begins a replay; its frames are events.
    ///
    /// - Returns: its flow.
    func begin(
        _ run: ReplayPlan.Run, of camera: Name, interval: UInt32, content: ReplayContent = .frames
    ) -> UInt32 {
        let flow = Replay.flowBit | nextNumber()
        client.tell { connection in
            connection.replay(
                Replay(
                    flow: flow, credit: PlaybackClient.window, interval: interval, content: content, from: run.from,
                    to: run.to, volume: run.volume, camera: camera))
        }
        return flow
    }

    func credit(_ flow: UInt32, frames: UInt32) {
        client.tell { $0.credit(replay: flow, frames: frames) }
    }

    func end(_ flow: UInt32) {
        client.tell { $0.end(replay: flow) }
    }

    /// Has everything of a plan from a time on played as fast as it is taken.
    ///
    /// - Parameter take: is given each frame; returns whether it wants more.
    func replay(
        _ plan: ReplayPlan, of camera: Name, content: ReplayContent = .frames,
        take: (ReceivedFrame) throws(ClientError) -> Bool
    ) throws(ClientError) {
        for run in plan.runs {
            let flow = begin(run, of: camera, interval: 0, content: content)
            var owed: UInt32 = 0
            var isOver = false
            while !isOver {
                switch try next() {
                case .replayed(let frame, flow):
                    guard try take(frame) else { return end(flow) }
                    owed += 1
                    if owed >= PlaybackClient.window / 2 {
                        credit(flow, frames: owed)
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

/// From which storage which part of a range comes: footage lies wherever an archive recorded it.
struct ReplayPlan: Sendable, Equatable {
    struct Run: Sendable, Equatable {
        let volume: UInt64
        /// UTC microseconds.
        let from: Int64
        let to: Int64
    }

    let runs: [Run]

    /// Storages may have parts of the same time, with the same frames or others: all of them are played, and
    /// `FrameSet` tells what was played before.
    ///
    /// - Parameter recordings: by their starts.
    init(_ recordings: [PlaybackClient.Findings.Part], from: Int64, to: Int64) {
        var runs: [Run] = []
        for (volume, recording) in recordings.map({ ($0.volume, $0.recording) }) {
            let start = max(from, recording.start)
            // An open recording grows meanwhile: its run goes on to the end of what was asked for.
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

    /// From where a replay goes on that was cut off behind a frame: from the start of the recordings that hold its time.
    /// Of those that overlap it is not known which ones had been played.
    ///
    /// - Parameters:
    ///   - recordings: by their starts.
    ///   - last: UTC microseconds of the frame.
    static func resumption(_ recordings: [PlaybackClient.Findings.Part], after last: Int64) -> Int64 {
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
