import ArgumentParser
import Dispatch
import Glibc
import SecamBase
import SecamWire
import Synchronization

struct LiveCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "live", abstract: "Watch cameras in a window, and record them to files.",
        discussion: """
            Keys: i details, 1-9 one camera, 0 or Esc all cameras, m boxes around motion, f full screen, \
            s snapshot of each camera on the screen, q quit.
            """)

    @ParentCommand var parent: SecamView
    @OptionGroup var connection: ConnectionOptions<AfterCommand>

    @Argument(
        help: ArgumentHelp("Camera names. (default: all cameras, also later ones)", valueName: "camera"))
    var cameras: [String] = []

    @Option(
        help: ArgumentHelp(
            """
            Recording of the received frames, .mkv or .mp4; with several cameras, one file for each, with -CAMERA before \
            the extension.
            """, valueName: "file.mkv"))
    var record: String?

    @Flag(help: "Overwrite existing recordings.")
    var force = false

    @Flag(help: "Open no window.")
    var headless = false

    @Option(help: ArgumentHelp("Number of frames to receive from each camera. (default: no limit)", valueName: "n"))
    var frames: UInt64?

    @Option(help: ArgumentHelp("Duration of the session, seconds. (default: no limit)", valueName: "seconds"))
    var duration: Double?

    @Flag(help: "Draw boxes around motion.")
    var motion = false

    @Flag(help: "Print one JSON object with frame rate, gaps and latency at the end.")
    var stats = false

    @Option(help: "Picture: jpeg for full size, sub for a smaller one.")
    var rendition = RenditionOption.jpeg

    @Option(
        help: ArgumentHelp("Maximum frame rate of each camera, frames per second. (default: no limit)", valueName: "n"))
    var fps: Double?

    /// Seconds.
    private static let durationLimit = 1e9
    /// Frames per second.
    private static let frameRates = 0.001...1000.0

    func validate() throws {
        if let frames, frames == 0 { throw ValidationError("--frames 0: expected 1 or more.") }
        if let duration, !(duration > 0 && duration <= Self.durationLimit) {
            throw ValidationError("--duration \(duration): expected a number of seconds above 0.")
        }
        if let fps, !Self.frameRates.contains(fps) {
            throw ValidationError(
                "--fps \(fps): expected \(Self.frameRates.lowerBound) to \(Self.frameRates.upperBound).")
        }
        if force, record == nil { throw ValidationError("--force needs --record FILE.") }
    }

    func run() throws {
        try SecamView.run { () throws(ClientError) in
            let names = try CameraNames.parse(cameras)
            var login = try GatewayLogin(try LoginPlan(connection, parent.leading), showMessage: StandardError.line)
            try login.run { (login) throws(ClientError) in try watch(names, login) }
        }
    }

    private func watch(_ names: [Name], _ login: GatewayLogin) throws(ClientError) {
        let wake = WindowWake()
        let isHeadless = headless
        let session = LiveSession(
            server: login.server,
            options: LiveSession.Options(
                cameras: names, frameLimit: frames, record: record, force: force, isHeadless: headless),
            changed: { if !isHeadless { wake.signal() } }, showMessage: StandardError.line)
        let signals = EndSignals(session)
        defer { signals.stop() }
        var failure: ClientError?
        do throws(ClientError) {
            try session.prepareRecording()
            try receive(session, names, login, wake)
        } catch {
            failure = error
        }
        do {
            try session.finish()
        } catch {
            failure = failure ?? error
        }
        if stats {
            let statistics = session.statistics()
            for notice in Set(statistics.compactMap { $0.statistics.clockNotice(camera: $0.name) }).sorted() {
                StandardError.line(notice)
            }
            try StandardOutput.printLine(LiveStatistics.json(statistics))
        }
        if let failure { throw failure }
    }

    private func receive(
        _ session: LiveSession, _ names: [Name], _ login: GatewayLogin, _ wake: WindowWake
    ) throws(ClientError) {
        var settings = login.settings()
        settings.wanted = names.isEmpty ? .all : .named(names)
        settings.rendition = rendition.rendition
        if !headless { settings.events = .live(since: WallClock.now) }
        settings.interval = fps.map { UInt32((1_000_000 / $0).rounded()) } ?? 0
        let client = try login.client(settings, reconnects: true) { session.handle($0) }
        if let duration {
            DispatchQueue.global().asyncAfter(deadline: .now() + duration) { [weak session] in session?.end(.done) }
        }
        if headless {
            client.start()
            _ = session.wait()
            client.stop()
        } else {
            try show(session, client, login, wake)
        }
        if case .failed(let error) = session.outcome { throw error }
    }

    private func show(
        _ session: LiveSession, _ client: GatewayClient, _ login: GatewayLogin, _ wake: WindowWake
    ) throws(ClientError) {
        var window: LiveWindow
        do {
            window = try LiveWindow(
                session: session, wake: wake, title: "secam \(login.server)", showsMotion: motion,
                showMessage: StandardError.line)
        } catch {
            client.stop()
            throw error
        }
        session.startDecoding(threads: Int(max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))))
        client.start()
        window.run()
        client.stop()
        session.stopDecoding()
    }
}
