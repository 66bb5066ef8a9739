import ArgumentParser
import Glibc
import SecamBase
import SecamWire

struct PlayCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "play", abstract: "Replay recordings in a window.",
        discussion: """
            Keys: left and right seek by 10 s, down and up by a minute, space pauses, . steps one frame, + faster, \
            - slower, f full screen, q quit. The replay skips times without recordings.
            """)

    @ParentCommand var parent: SecamView
    @OptionGroup var connection: ConnectionOptions<AfterCommand>

    @Argument(help: "Camera name.")
    var camera: String

    @Option(
        help: ArgumentHelp(
            "Start of the replay in UTC: '2026-01-31 18:00', '18:00', or an age such as '10m'.", valueName: "time"))
    var at: String

    @Option(help: "Speed factor, 0.1 to 32.")
    var speed = 1.0

    func validate() throws {
        guard (0.1...32).contains(speed) else { throw ValidationError("--speed \(speed): expected 0.1 to 32.") }
    }

    func run() throws {
        try SecamView.run { () throws(ClientError) in
            let name = try cameraName(camera)
            let time = try RangeOptions.time("--at", at)
            var login = try GatewayLogin(try LoginPlan(connection, parent.leading), showMessage: StandardError.line)
            try login.run { (login) throws(ClientError) in
                let client = try PlaybackClient(login)
                defer { client.stop() }
                var player = try Player(client, camera: name, at: time, speed: speed)
                try player.run()
            }
        }
    }
}

/// A window that replays recordings. It runs on the main thread, as SDL requires.
private struct Player: ~Copyable {
    private static let shortSeek: Duration = .seconds(10)
    private static let longSeek: Duration = .seconds(60)
    /// Interval between two checks for due frames.
    private static let tick: Duration = .milliseconds(5)
    /// Time range of one query for recordings; a camera's whole history can be long.
    private static let queryRange: Duration = .seconds(6 * 3600)
    /// A frame that is older than the one before it by more than this begins another pass through the same time.
    private static let clockTolerance: Duration = .seconds(1)
    private static let noticeTime: Duration = .seconds(5)

    private let client: PlaybackClient
    private let camera: Name
    private let screen: PlaybackScreen
    private var head: Playhead
    private var flow: UInt32?
    /// Further runs of the recordings that are known.
    private var runs: [ReplayPlan.Run] = []
    /// End of the time for which the recordings are known, UTC microseconds.
    private var knownUntil: Int64
    /// Frames that are not due yet. The gateway sends more when they are shown.
    private var waiting: [ReceivedFrame] = []
    private var isOver = false
    /// Frames received since the last seek; several volumes may hold the same ones.
    private var seen = FrameSet()
    /// Time of the frame on the screen, UTC microseconds.
    private var lastShown: Int64?
    /// End of the notice that a clock was set back.
    private var noticeEnd: MonotonicTime?

    init(
        _ client: PlaybackClient, camera: Name, at time: Int64, speed: Double
    ) throws(ClientError) {
        self.client = client
        self.camera = camera
        knownUntil = time
        // Checked first, so that no window opens without recordings.
        guard try !Player.plan(client, camera, from: time).runs.isEmpty else {
            throw .nothingRecorded(camera: camera, from: time, to: WallClock.now)
        }
        screen = try PlaybackScreen(camera)
        head = Playhead(at: time, speed: speed, now: .now)
    }

    mutating func run() throws(ClientError) {
        try seek(to: head.time(.now))
        while true {
            while let event = screen.nextEvent() {
                guard !isQuit(event) else { return screen.stop() }
                try press(event)
            }
            while let event = try client.poll() { try handle(event) }
            showDueFrames()
            screen.draw(status, notice: notice)
            screen.waitForEvent(timeout: Self.tick)
        }
    }

    private var status: String {
        let state = head.isPaused ? "paused" : head.speed == 1 ? "" : "\(head.speed)x"
        return "\(UTC.dateAndTime(head.time(.now)))  \(state)"
    }

    private var notice: String? {
        if isOver, waiting.isEmpty { return "end of the recordings" }
        guard let noticeEnd, .now < noticeEnd else { return nil }
        return "a clock was set back: this time was recorded more than once"
    }

    // MARK: Keys

    private func isQuit(_ event: Canvas.Event) -> Bool {
        switch event {
        case .quit, .key("q"), .key("\u{1B}"): true
        default: false
        }
    }

    private mutating func press(_ event: Canvas.Event) throws(ClientError) {
        let now = MonotonicTime.now
        switch event {
        case .arrow(.left): try seek(to: head.time(now) - Self.shortSeek.microseconds)
        case .arrow(.right): try seek(to: head.time(now) + Self.shortSeek.microseconds)
        case .arrow(.down): try seek(to: head.time(now) - Self.longSeek.microseconds)
        case .arrow(.up): try seek(to: head.time(now) + Self.longSeek.microseconds)
        case .key(" "): head.setPaused(!head.isPaused, now)
        case .key("."): step(now)
        case .key("+"), .key("="): try setSpeed(head.speed(faster: true), now)
        case .key("-"): try setSpeed(head.speed(faster: false), now)
        case .key("f"): screen.toggleFullscreen()
        default: break
        }
    }

    private mutating func setSpeed(_ speed: Double, _ now: MonotonicTime) throws(ClientError) {
        head.setSpeed(speed, now)
        // A new replay, since a fast one needs only as many frames as the user can see.
        try seek(to: head.time(now))
    }

    private mutating func step(_ now: MonotonicTime) {
        head.setPaused(true, now)
        guard !waiting.isEmpty else { return }
        show(waiting.removeFirst())
    }

    // MARK: Frames

    /// Returns the runs from a time on, and the end of the time that they cover. It queries the next hours first, and all
    /// later recordings when there are none.
    private static func plan(
        _ client: PlaybackClient, _ camera: Name, from time: Int64
    ) throws(ClientError) -> (runs: [ReplayPlan.Run], until: Int64) {
        for end in [time + queryRange.microseconds, .max] {
            let found = try client.find(.recordings, of: [camera], from: time, to: end).recordings
            // An answer may be cut short, so the next query starts after its last recording.
            let until = end == .max ? found.last.map { $0.recording.open ? .max : $0.recording.end + 1 } ?? .max : end
            let runs = ReplayPlan(found, from: time, to: until).runs
            if !runs.isEmpty { return (runs, until) }
        }
        return ([], .max)
    }

    private mutating func seek(to time: Int64) throws(ClientError) {
        if let flow { client.end(flow) }
        flow = nil
        waiting = []
        isOver = false
        seen = FrameSet()
        lastShown = nil
        head.move(to: time, .now)
        runs = []
        knownUntil = time
        try startNextRun()
    }

    private mutating func startNextRun() throws(ClientError) {
        if runs.isEmpty, knownUntil < .max { (runs, knownUntil) = try Player.plan(client, camera, from: knownUntil) }
        guard !runs.isEmpty else {
            isOver = true
            return
        }
        let interval = head.speed > 2 ? UInt32(head.speed * 33_000) : 0
        flow = client.startReplay(runs.removeFirst(), of: camera, interval: interval)
    }

    private mutating func handle(_ event: GatewayEvent) throws(ClientError) {
        switch event {
        case .replayed(let frame, flow):
            guard seen.insert(frame.header) else { return client.grantCredit(frame.header.flow, frames: 1) }
            waiting.append(frame)
        case .replayEnded(let close) where close.flow == flow:
            flow = nil
            try startNextRun()
        default: break
        }
    }

    private mutating func showDueFrames() {
        let now = MonotonicTime.now
        let tolerance = Self.clockTolerance.microseconds
        if let first = waiting.first?.header.timestamp, let lastShown, first < lastShown - tolerance,
            head.time(now) >= lastShown, !head.isPaused
        {
            head.move(to: first, now)
            self.lastShown = nil
            noticeEnd = now + Self.noticeTime
        }
        while let first = waiting.first?.header.timestamp, first >= (lastShown ?? .zero) - tolerance,
            head.isDue(first, now)
        {
            show(waiting.removeFirst())
        }
    }

    private mutating func show(_ frame: ReceivedFrame) {
        if head.isPaused { head.move(to: frame.header.timestamp, .now) }
        lastShown = frame.header.timestamp
        screen.show(frame)
        if let flow { client.grantCredit(flow, frames: 1) }
    }
}
