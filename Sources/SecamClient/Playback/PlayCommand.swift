import ArgumentParser
import Glibc
import SecamBase
import SecamWire

struct PlayCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "play", abstract: "Plays what was recorded in a window.",
        discussion: """
            Keys: left and right 10 s back and on, down and up a minute, space pause, . one frame on, + faster, - slower, \
            f fullscreen, q quit. What was not recorded is passed over.
            """)

    @ParentCommand var parent: SecamView
    @OptionGroup var connection: ConnectionOptions<AfterCommand>

    @Argument(help: "The camera's name.")
    var camera: String

    @Option(
        help: ArgumentHelp("From this time in UTC, as '2026-01-31 18:00', '18:00' or '10m' ago.", valueName: "time"))
    var at: String

    @Option(help: "How fast: 1 as it was.")
    var speed = 1.0

    func validate() throws {
        guard (0.1...32).contains(speed) else { throw ValidationError("--speed takes a number from 0.1 to 32.") }
    }

    func run() throws {
        try SecamView.run { () throws(ClientError) in
            let name = try cameraName(camera)
            let time = try RangeOptions.time("--at", at)
            var login = try GatewayLogin(try LoginPlan(connection, parent.leading), say: StandardError.line)
            try login.run { (login) throws(ClientError) in
                let client = try PlaybackClient(login)
                defer { client.stop() }
                var player = try Player(client, camera: name, at: time, speed: speed)
                try player.run()
            }
        }
    }
}

/// A window that plays recordings. Runs on the main thread, as SDL wants it.
private struct Player: ~Copyable {
    private static let small: Int64 = 10_000_000
    private static let large: Int64 = 60_000_000
    /// Milliseconds between two looks at what is due.
    private static let tick: Int32 = 5

    private let client: PlaybackClient
    private let camera: Name
    private let screen: PlaybackScreen
    private var head: Playhead
    private var flow: UInt32?
    private var runs: [ReplayPlan.Run] = []
    /// Up to where it is known what was recorded.
    private var knownUntil: Int64
    /// Microseconds that are looked through at once: the whole past of a camera can be long.
    private static let span: Int64 = 6 * 3_600_000_000
    /// Frames that are not due yet; the gateway sends more when they are shown.
    private var waiting: [ReceivedFrame] = []
    private var isOver = false
    /// What was played since the last seek: storages may have the same frames.
    private var seen = FrameSet()
    /// UTC microseconds of the picture that is shown.
    private var lastShown: Int64?
    /// Until when it is said that the clock was set back, on the monotonic clock.
    private var noticeUntil: Int64 = 0
    /// A frame that is by so much before the one before it begins another pass. Microseconds.
    private static let setBack: Int64 = 1_000_000
    /// Microseconds.
    private static let noticeTime: Int64 = 5_000_000

    init(
        _ client: PlaybackClient, camera: Name, at time: Int64, speed: Double
    ) throws(ClientError) {
        self.client = client
        self.camera = camera
        knownUntil = time
        // Before a window is opened for nothing.
        guard try !Player.plan(client, camera, from: time).runs.isEmpty else {
            throw .nothingRecorded(camera: camera, from: time, to: WallClock.now)
        }
        screen = try PlaybackScreen(camera)
        head = Playhead(at: time, speed: speed, now: MonotonicTime.now.microseconds)
    }

    mutating func run() throws(ClientError) {
        try seek(to: head.time(MonotonicTime.now.microseconds))
        while true {
            while let event = screen.nextEvent() {
                guard !isQuit(event) else { return screen.stop() }
                try press(event)
            }
            while let event = try client.poll() { try take(event) }
            showWhatIsDue()
            screen.draw(status, notice: notice)
            screen.wait(milliseconds: Self.tick)
        }
    }

    private var status: String {
        let state = head.isPaused ? "paused" : head.speed == 1 ? "" : "\(head.speed)x"
        return "\(UTC.dateAndTime(head.time(MonotonicTime.now.microseconds)))  \(state)"
    }

    private var notice: String? {
        if isOver, waiting.isEmpty { return "the end of what is recorded" }
        guard MonotonicTime.now.microseconds < noticeUntil else { return nil }
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
        let now = MonotonicTime.now.microseconds
        switch event {
        case .arrow(.left): try seek(to: head.time(now) - Self.small)
        case .arrow(.right): try seek(to: head.time(now) + Self.small)
        case .arrow(.down): try seek(to: head.time(now) - Self.large)
        case .arrow(.up): try seek(to: head.time(now) + Self.large)
        case .key(" "): head.pause(!head.isPaused, now)
        case .key("."): step(now)
        case .key("+"), .key("="): try setSpeed(head.speed(faster: true), now)
        case .key("-"): try setSpeed(head.speed(faster: false), now)
        case .key("f"): screen.toggleFullscreen()
        default: break
        }
    }

    private mutating func setSpeed(_ speed: Double, _ now: Int64) throws(ClientError) {
        head.setSpeed(speed, now)
        // Other frames are wanted: of a fast replay only as many as can be seen.
        try seek(to: head.time(now))
    }

    private mutating func step(_ now: Int64) {
        head.pause(true, now)
        guard !waiting.isEmpty else { return }
        show(waiting.removeFirst())
    }

    // MARK: Frames

    /// What there is to play from a time on, of the next hours or else of all that follows, and up to where.
    private static func plan(
        _ client: PlaybackClient, _ camera: Name, from time: Int64
    ) throws(ClientError) -> (runs: [ReplayPlan.Run], until: Int64) {
        for end in [time + span, .max] {
            let found = try client.find(.recordings, of: [camera], from: time, to: end).recordings
            // An answer may be cut short: what follows its last one is asked for again.
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
        head.move(to: time, MonotonicTime.now.microseconds)
        runs = []
        knownUntil = time
        try beginNextRun()
    }

    private mutating func beginNextRun() throws(ClientError) {
        if runs.isEmpty, knownUntil < .max { (runs, knownUntil) = try Player.plan(client, camera, from: knownUntil) }
        guard !runs.isEmpty else {
            isOver = true
            return
        }
        let interval = head.speed > 2 ? UInt32(head.speed * 33_000) : 0
        flow = client.begin(runs.removeFirst(), of: camera, interval: interval)
    }

    private mutating func take(_ event: GatewayEvent) throws(ClientError) {
        switch event {
        case .replayed(let frame, flow):
            guard seen.insert(frame.header) else { return client.credit(frame.header.flow, frames: 1) }
            waiting.append(frame)
        case .replayEnded(let close) where close.flow == flow:
            flow = nil
            try beginNextRun()
        default: break
        }
    }

    private mutating func showWhatIsDue() {
        let now = MonotonicTime.now.microseconds
        if let first = waiting.first?.header.timestamp, let lastShown, first < lastShown - Self.setBack,
            head.time(now) >= lastShown, !head.isPaused
        {
            head.move(to: first, now)
            self.lastShown = nil
            noticeUntil = now + Self.noticeTime
        }
        while let first = waiting.first?.header.timestamp, first >= (lastShown ?? .zero) - Self.setBack,
            head.isDue(first, now)
        {
            show(waiting.removeFirst())
        }
    }

    private mutating func show(_ frame: ReceivedFrame) {
        if head.isPaused { head.move(to: frame.header.timestamp, MonotonicTime.now.microseconds) }
        lastShown = frame.header.timestamp
        screen.show(frame)
        if let flow { client.credit(flow, frames: 1) }
    }
}
