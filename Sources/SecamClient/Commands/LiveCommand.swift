import ArgumentParser
import Dispatch
import Glibc
import SecamBase
import SecamWire
import Synchronization

struct LiveCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "live", abstract: "Shows cameras in a window, and records them at the same time.",
        discussion: """
            Keys: i details, 1-9 one camera large, 0 or Esc all, m boxes around what moves, f fullscreen, \
            s snapshot of what is shown, q quit.
            Without names: all cameras, also those that appear later.
            """)

    @ParentCommand var parent: SecamView
    @OptionGroup var connection: ConnectionOptions<AfterCommand>

    @Argument(help: ArgumentHelp("The cameras' names; all when there is none.", valueName: "camera"))
    var cameras: [String] = []

    @Option(
        help: ArgumentHelp(
            "Record to a Matroska file; of several cameras each to its own, with -CAMERA before the extension.",
            valueName: "file.mkv"))
    var record: String?

    @Flag(help: "Overwrite recordings that exist.")
    var force = false

    @Flag(help: "No window: only record, count or both.")
    var headless = false

    @Option(help: ArgumentHelp("End after this many frames of each camera.", valueName: "n"))
    var frames: UInt64?

    @Option(help: ArgumentHelp("End after this many seconds.", valueName: "seconds"))
    var duration: Double?

    @Flag(help: "Draw boxes around what moves.")
    var motion = false

    @Flag(help: "At the end print one JSON object with what was received.")
    var stats = false

    @Option(help: "What to receive: jpeg for full pictures, sub for smaller ones.")
    var rendition = RenditionOption.jpeg

    @Option(help: ArgumentHelp("Receive at most this many frames a second of each camera.", valueName: "n"))
    var fps: Double?

    /// Seconds.
    private static let longestDuration = 1e9
    private static let slowestRate = 0.001
    private static let fastestRate = 1000.0

    func validate() throws {
        if let frames, frames == 0 { throw ValidationError("--frames takes a number from 1 on.") }
        if let duration, !(duration > 0 && duration <= Self.longestDuration) {
            throw ValidationError("--duration takes a number of seconds above 0.")
        }
        if let fps, !(fps >= Self.slowestRate && fps <= Self.fastestRate) {
            throw ValidationError("--fps takes a number from \(Self.slowestRate) to \(Self.fastestRate).")
        }
        if force, record == nil { throw ValidationError("--force is for --record FILE, which is not given.") }
    }

    func run() throws {
        try SecamView.run { () throws(ClientError) in
            let names = try CameraNames.parse(cameras)
            var login = try GatewayLogin(try LoginPlan(connection, parent.leading), say: StandardError.line)
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
            changed: { if !isHeadless { wake.signal() } }, say: StandardError.line)
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
            let text = LiveStatistics.json(session.statistics()) + "\n"
            try FileIO.writeAll(text.utf8, to: STDOUT_FILENO, path: "standard output")
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
                say: StandardError.line)
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

/// Ends the session in an orderly way on Ctrl-C and SIGTERM; who insists ends the program at once.
struct EndSignals {
    private static let numbers = [SIGINT, SIGTERM, SIGHUP]
    private let sources: [any DispatchSourceSignal]

    init(_ session: LiveSession) {
        let hasCome = SignalFlag()
        // The dispatch library sets the handlers itself.
        sources = Self.numbers.map { number in
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler {
                guard hasCome.raise() else { _exit(128 + number) }
                session.end(.done)
            }
            source.resume()
            return source
        }
    }

    func stop() {
        for source in sources { source.cancel() }
    }
}

private final class SignalFlag: Sendable {
    private let isRaised = Atomic(false)

    /// - Returns: whether it was not raised before.
    func raise() -> Bool {
        isRaised.compareExchange(expected: false, desired: true, ordering: .acquiringAndReleasing).exchanged
    }
}
