import ArgumentParser
import Glibc
import SecamBase
import SecamProcess
import SecamWire
import Synchronization

struct EventsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "events", abstract: "Lists what happened before the cameras, and what happens.",
        discussion: """
            Without --follow: what gateway and archives remember. With it each event is told when it begins and when it ends, \
            until Ctrl-C. With --json one object with all events, or with --follow one line for each start, update and \
            end.
            """)

    @ParentCommand var parent: SecamView
    @OptionGroup var connection: ConnectionOptions<AfterCommand>

    @Argument(help: ArgumentHelp("The cameras' names; all when there is none.", valueName: "camera"))
    var cameras: [String] = []

    @Flag(help: "Go on with what happens from now on.")
    var follow = false

    @Option(
        help: ArgumentHelp(
            "Leave out what was over before, as '2026-01-31 18:00' or '2h' for two hours ago.", valueName: "time"))
    var since: String?

    @Flag(help: "Print JSON.")
    var json = false

    @Option(
        help: ArgumentHelp(
            "Also save a small picture of each recorded event there, as 'porch 2026-01-31 18-00-05.123.jpg'.",
            valueName: "folder"))
    var thumbnails: String?

    /// From the start of the connection to the last event, in seconds.
    private static let patience = 30

    func validate() throws {
        guard !follow || thumbnails == nil else { throw ValidationError("--thumbnails goes without --follow.") }
    }

    func run() throws {
        try SecamView.run { () throws(ClientError) in
            let names = try CameraNames.parse(cameras)
            var since = Int64.min
            if let text = self.since {
                guard let time = TimeArgument.parse(text, now: WallClock.now) else {
                    throw .badOption(option: "--since", value: text, expected: TimeArgument.expected)
                }
                since = time
            }
            var login = try GatewayLogin(try LoginPlan(connection, parent.leading), say: StandardError.line)
            try login.run { (login) throws(ClientError) in
                follow ? try self.follow(names, login, since) : try list(names, login, since)
            }
        }
    }

    private func list(_ names: [Name], _ login: GatewayLogin, _ since: Int64) throws(ClientError) {
        var settings = login.settings()
        settings.events = .past(since: since)
        let collected = Mutex<[(CameraEvent, Name)]>([])
        let events = try CameraQuery<[(CameraEvent, Name)]> { event throws(ClientError) in
            switch event {
            case .cameras(let cameras):
                try CameraNames.check(names, in: cameras, server: login.server)
                return nil
            case .event(let event, let camera):
                // What goes on is told whatever was asked for; here it counts up to where it was heard of.
                if names.isEmpty || names.contains(camera), event.last >= since {
                    collected.withLock { $0.append((event, camera)) }
                }
                return nil
            case .eventsComplete: return collected.withLock { $0 }
            default: return nil
            }
        }.run(login, settings, seconds: Self.patience) { .noAnswer(server: login.server, seconds: Self.patience) }
        let sorted = EventList.merged(events, try archived(names, login, since))
        let text = json ? EventList.json(sorted) : EventList.table(sorted)
        try FileIO.writeAll((text + "\n").utf8, to: STDOUT_FILENO, path: "standard output")
    }

    /// What archives know from before the gateway remembers.
    private func archived(
        _ names: [Name], _ login: GatewayLogin, _ since: Int64
    ) throws(ClientError) -> [(CameraEvent, Name)] {
        let client = try PlaybackClient(login)
        defer { client.stop() }
        let found = try client.findOnce(.events, of: names, from: since, to: .max)
        if let thumbnails { try save(found, from: since, client, in: thumbnails) }
        return found.events.map { ($0.event, $0.camera) }
    }

    private func save(
        _ found: PlaybackClient.Findings, from: Int64, _ client: PlaybackClient, in folder: String
    ) throws(ClientError) {
        try FileIO.makeFolder(folder)
        let runs = found.eventVolumes.sorted().map { ReplayPlan.Run(volume: $0, from: from, to: .max) }
        var count = 0
        for camera in Set(found.events.map(\.camera)).sorted() {
            try client.replay(ReplayPlan(runs: runs), of: camera, content: .thumbnails) {
                (picture) throws(ClientError) in
                let time = UTCText.iso(microseconds: picture.header.timestamp).dropLast()
                    .map { $0 == ":" ? "-" : $0 == "T" ? " " : $0 }
                try FileIO.create("\(folder)/\(camera) \(String(time)).jpg", picture.picture, replacing: true)
                count += 1
                return true
            }
        }
        StandardError.line("saved \(count) pictures in \(folder)")
    }

    private func follow(_ names: [Name], _ login: GatewayLogin, _ since: Int64) throws(ClientError) {
        var settings = login.settings()
        // Without a time only what is going on or to come.
        settings.events = .live(since: self.since == nil ? WallClock.now : since)
        let teller = EventPrinter(json: json)
        let session = LiveSession(
            server: login.server, options: LiveSession.Options(cameras: names, isHeadless: true),
            say: StandardError.line)
        let signals = EndSignals(session)
        defer { signals.stop() }
        let client = try login.client(settings, reconnects: true) { event in
            session.handle(event)
            guard case .event(let event, let camera) = event, names.isEmpty || names.contains(camera),
                let line = teller.line(event, camera)
            else { return }
            do throws(ClientError) {
                try FileIO.writeAll((line + "\n").utf8, to: STDOUT_FILENO, path: "standard output")
            } catch {
                session.end(.failed(error))
            }
        }
        client.start()
        _ = session.wait()
        client.stop()
        if case .failed(let error) = session.outcome { throw error }
    }
}

/// Makes lines of what is told, each thing once: after a reconnection the gateway tells again what it remembers.
final class EventPrinter: Sendable {
    private struct Key: Hashable {
        let camera: Name
        let id: UInt64
    }

    private let told = Mutex<[Key: (state: EventState, last: Int64)]>([:])
    private let json: Bool

    /// Events that are remembered as told.
    private static let limit = 10_000

    init(json: Bool) { self.json = json }

    func line(_ event: CameraEvent, _ camera: Name) -> String? {
        let key = Key(camera: camera, id: event.id)
        let before = told.withLock { told in
            if told.count > Self.limit { told = told.filter { $0.value.state != .end } }
            defer { told[key] = (event.state, event.last) }
            return told[key]
        }
        if before?.state == .end || (before?.state == event.state && before?.last == event.last) { return nil }
        if json { return EventText.json(event, of: camera) }
        // A slow viewer may have missed the start.
        guard event.state == .end || before == nil else { return nil }
        return EventList.line(event, camera)
    }
}

/// Events as text.
enum EventList {
    /// Each event once, by their starts; where two know it, as the first one does.
    static func merged(_ first: [(CameraEvent, Name)], _ second: [(CameraEvent, Name)]) -> [(CameraEvent, Name)] {
        struct Key: Hashable {
            let camera: Name
            let id: UInt64
        }
        let known = Set(first.map { Key(camera: $0.1, id: $0.0.id) })
        let rest = second.filter { !known.contains(Key(camera: $0.1, id: $0.0.id)) }
        return (first + rest).sorted { $0.0.start < $1.0.start }
    }

    static func json(_ events: [(CameraEvent, Name)]) -> String {
        JSONText.object([("events", JSONText.array(events.map { EventText.json($0.0, of: $0.1) }))])
    }

    static func table(_ events: [(CameraEvent, Name)]) -> String {
        guard !events.isEmpty else { return "Nothing has happened that anybody remembers." }
        let rows =
            [["START", "CAMERA", "KIND", "SECONDS", "SCORE", "ID"]]
            + events.map { event, camera in
                [
                    UTC.dateAndTime(event.start), camera.text, "\(event.kind)",
                    event.state == .end ? seconds(event) : "going on", score(event), EventText.id(event.id),
                ]
            }
        return TextTable.text(rows)
    }

    /// One line for a start or an end.
    static func line(_ event: CameraEvent, _ camera: Name) -> String {
        let what =
            switch (event.kind, event.state) {
            case (.motion, .end): "motion ended after \(seconds(event)) s, score \(score(event))"
            case (.motion, _): "motion"
            case (.unwatched, .end): "watched for motion again after \(seconds(event)) s"
            case (.unwatched, _): "not watched for motion: no motion service is there"
            }
        return "\(UTC.dateAndTime(event.state == .end ? event.last : event.start))  \(camera)  \(what)"
    }

    private static func seconds(_ event: CameraEvent) -> String {
        JSONText.number(Double(event.last - event.start) / 1e6, digits: 1)
    }

    private static func score(_ event: CameraEvent) -> String {
        JSONText.number(Double(event.peakBox.score) / 10, digits: 1)
    }
}
