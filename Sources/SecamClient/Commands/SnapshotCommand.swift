import ArgumentParser
import Glibc
import SecamBase
import SecamWire
import Synchronization

struct SnapshotCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "snapshot", abstract: "Save one live or recorded picture of a camera as a JPEG.")

    @ParentCommand var parent: SecamView
    @OptionGroup var connection: ConnectionOptions<AfterCommand>

    @Argument(help: "Camera name.")
    var camera: String

    @Option(name: .shortAndLong, help: ArgumentHelp("File to write; - for standard output.", valueName: "file"))
    var output: String

    @Option(
        help: ArgumentHelp(
            "Time of a recorded picture in UTC: '2026-01-31 18:00', '18:00', or an age such as '10m'. (default: live)",
            valueName: "time"))
    var at: String?

    @Flag(help: "Overwrite an existing file.")
    var force = false

    @Option(help: ArgumentHelp("Maximum wait for a live picture, seconds.", valueName: "seconds"))
    var timeout = 15

    @Option(help: "Live picture: jpeg for full size, sub for a smaller one.")
    var rendition = RenditionOption.jpeg

    func validate() throws {
        guard (1...3600).contains(timeout) else {
            throw ValidationError("--timeout \(timeout): expected 1 to 3600 seconds.")
        }
    }

    func run() throws {
        try SecamView.run { () throws(ClientError) in
            let name = try cameraName(camera)
            if output != "-", !force, FileIO.exists(output) { throw .fileExists(path: output) }
            var login = try GatewayLogin(try LoginPlan(connection, parent.leading), showMessage: StandardError.line)
            let time = try at.map { text throws(ClientError) in try RangeOptions.time("--at", text) }
            let frame = try login.run { (login) throws(ClientError) in
                if let time { try recorded(name, at: time, login) } else { try picture(of: name, login) }
            }
            if output == "-" {
                try FileIO.writeAll(frame.picture, to: STDOUT_FILENO, path: "standard output")
            } else {
                try FileIO.create(output, frame.picture, replacing: force)
            }
        }
    }

    /// Returns the last picture at or before a time.
    private func recorded(_ name: Name, at time: Int64, _ login: GatewayLogin) throws(ClientError) -> ReceivedFrame {
        let client = try PlaybackClient(login)
        defer { client.stop() }
        let found = try client.find(.recordings, of: [name], from: time, to: time + 1)
        let plan = ReplayPlan(found.recordings, from: time, to: time + 1)
        var last: ReceivedFrame?
        try client.replay(plan, of: name) { frame throws(ClientError) in
            last = frame
            return true
        }
        guard let last else { throw .nothingRecorded(camera: name, from: time, to: time + 1) }
        return last
    }

    private func picture(of name: Name, _ login: GatewayLogin) throws(ClientError) -> ReceivedFrame {
        var settings = login.settings()
        settings.wanted = .named([name])
        settings.credit = 1
        settings.rendition = rendition.rendition
        let server = login.server
        let refusal = LastRefusal()
        return try CameraQuery<ReceivedFrame> { event throws(ClientError) in
            switch event {
            case .frame(let frame): return frame
            case .cameras(let cameras):
                try CameraNames.check([name], in: cameras, server: server)
                if let camera = cameras.first(where: { $0.name == name }), camera.state == .offline {
                    refusal.text = "it has been offline since \(UTC.timeOfDay(camera.since)) \(camera.detail)"
                }
            case .refused(_, let detail): refusal.text = detail
            case .state, .event, .eventsComplete, .found, .replayed, .replayEnded: break
            }
            return nil
        }.run(login, settings, timeout: .seconds(timeout)) {
            .noPicture(camera: name, timeout: .seconds(timeout), detail: refusal.text)
        }
    }
}

/// The last reason from the gateway why there is no picture.
private final class LastRefusal: Sendable {
    private let stored = Mutex("")

    var text: String {
        get { stored.withLock { $0 } }
        set { stored.withLock { $0 = newValue } }
    }
}
