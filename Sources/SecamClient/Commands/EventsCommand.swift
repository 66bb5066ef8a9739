import ArgumentParser
import Glibc
import SecamBase
import SecamProcess
import SecamWire
import Synchronization

struct EventsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "events", abstract: "List past motion events, or follow new ones.",
        discussion: """
            Lists the events in the memory of the gateway and the archives. With --follow, prints a line when an event \
            starts and when it ends, until Ctrl-C. --json prints one object with all events or, with --follow, one \
            object a line for each start, update and end.
            """)

    @ParentCommand var parent: SecamView
    @OptionGroup var connection: ConnectionOptions<AfterCommand>

    @Argument(help: ArgumentHelp("Camera names. (default: all cameras)", valueName: "camera"))
    var cameras: [String] = []

    @Flag(help: "Follow active and new events.")
    var follow = false

    @Option(
        help: ArgumentHelp(
            "Earliest end of the events in UTC: '2026-01-31 18:00', '18:00', or an age such as '2h'. (default: list all)",
            valueName: "time"))
    var since: String?

    @Flag(help: "Print JSON.")
    var json = false

    @Option(
        help: ArgumentHelp(
            "Folder to write a thumbnail of each recorded event to, such as 'porch 2026-01-31 18-00-05.123.jpg'.",
            valueName: "folder"))
    var thumbnails: String?

    /// From the start of the connection to the last event.
    private static let timeout: Duration = .seconds(30)

    func validate() throws {
        guard !follow || thumbnails == nil else {
            throw ValidationError("--thumbnails and --follow exclude each other; give only one.")
        }
    }

    func run() throws {
        try SecamView.run { () throws(ClientError) in
            let names = try CameraNames.parse(cameras)
            let since =
                try self.since.map { text throws(ClientError) in try RangeOptions.time("--since", text) } ?? .min
            var login = try GatewayLogin(try LoginPlan(connection, parent.leading), showMessage: StandardError.line)
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
                // The gateway also sends every active event, even when its last update is older than the time range.
                if names.isEmpty || names.contains(camera), event.last >= since {
                    collected.withLock { $0.append((event, camera)) }
                }
                return nil
            case .eventsComplete: return collected.withLock { $0 }
            default: return nil
            }
        }.run(login, settings, timeout: Self.timeout)
        let sorted = EventList.merged(events, try archived(names, login, since))
        try StandardOutput.printLine(json ? EventList.json(sorted) : EventList.table(sorted))
    }

    /// Returns the events in the archives, which remember longer than the gateway.
    private func archived(
        _ names: [Name], _ login: GatewayLogin, _ since: Int64
    ) throws(ClientError) -> [(CameraEvent, Name)] {
        let client = try PlaybackClient(login)
        defer { client.stop() }
        let found = try client.findOnce(.events, of: names, from: since, to: .max)
        if let thumbnails { try saveThumbnails(found, from: since, client, in: thumbnails) }
        return found.events.map { ($0.event, $0.camera) }
    }

    private func saveThumbnails(
        _ found: PlaybackClient.SearchResult, from: Int64, _ client: PlaybackClient, in folder: String
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
        // Without a time, only active and new events.
        settings.events = .live(since: self.since == nil ? WallClock.now : since)
        let printer = EventPrinter(json: json)
        let session = LiveSession(
            server: login.server, options: LiveSession.Options(cameras: names, isHeadless: true),
            showMessage: StandardError.line)
        let signals = EndSignals(session)
        defer { signals.stop() }
        let client = try login.client(settings, reconnects: true) { event in
            session.handle(event)
            guard case .event(let event, let camera) = event, names.isEmpty || names.contains(camera),
                let line = printer.line(event, camera)
            else { return }
            do throws(ClientError) {
                try StandardOutput.printLine(line)
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

/// Formats each state of an event once: after a reconnection, the gateway sends the events in its memory again.
final class EventPrinter: Sendable {
    private struct Key: Hashable {
        let camera: Name
        let id: UInt64
    }

    private let printed = Mutex<[Key: (state: EventState, last: Int64)]>([:])
    private let json: Bool

    /// Printed events to remember.
    private static let limit = 10_000

    init(json: Bool) { self.json = json }

    /// Returns the line to print; `nil` when there is nothing new to print.
    func line(_ event: CameraEvent, _ camera: Name) -> String? {
        let key = Key(camera: camera, id: event.id)
        let before = printed.withLock { printed in
            if printed.count > Self.limit { printed = printed.filter { $0.value.state != .end } }
            defer { printed[key] = (event.state, event.last) }
            return printed[key]
        }
        if before?.state == .end || (before?.state == event.state && before?.last == event.last) { return nil }
        if json { return EventText.json(event, of: camera) }
        // A slow viewer may have missed the start.
        guard event.state == .end || before == nil else { return nil }
        return EventList.line(event, camera)
    }
}

/// The output of `secam-view events`.
enum EventList {
    /// Returns the events of both lists, sorted by start. An event in both is taken from the first list.
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
        guard !events.isEmpty else { return "No events found." }
        let rows =
            [["START", "CAMERA", "KIND", "SECONDS", "SCORE", "ID"]]
            + events.map { event, camera in
                [
                    UTC.dateAndTime(event.start), camera.text, "\(event.kind)",
                    event.state == .end ? seconds(event) : "active", score(event), EventText.id(event.id),
                ]
            }
        return TextTable.text(rows)
    }

    /// Returns one line for a start or an end.
    static func line(_ event: CameraEvent, _ camera: Name) -> String {
        let what =
            switch (event.kind, event.state) {
            case (.motion, .end): "motion ended after \(seconds(event)) s, score \(score(event))"
            case (.motion, _): "motion"
            case (.unwatched, .end): "motion detection back after \(seconds(event)) s"
            case (.unwatched, _): "no motion detection: no motion service watches this camera"
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
