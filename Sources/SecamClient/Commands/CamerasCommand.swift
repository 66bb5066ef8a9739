import ArgumentParser
import Glibc
import SecamBase
import SecamWire

struct CamerasCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cameras", abstract: "Lists the cameras that you may see.")

    @ParentCommand var parent: SecamView
    @OptionGroup var connection: ConnectionOptions<AfterCommand>

    @Flag(help: "Print one JSON object.")
    var json = false

    /// From the start of the connection to the list, in seconds.
    private static let patience = 15

    func run() throws {
        try SecamView.run { () throws(ClientError) in
            var login = try GatewayLogin(try LoginPlan(connection, parent.leading), say: StandardError.line)
            let cameras = try login.run { (login) throws(ClientError) in
                try CameraQuery<[Cameras.Camera]> { event throws(ClientError) in
                    if case .cameras(let cameras) = event { cameras } else { nil }
                }.run(login, login.settings(), seconds: Self.patience) {
                    .noAnswer(server: login.server, seconds: Self.patience)
                }
            }
            let sorted = cameras.sorted { $0.name < $1.name }
            let text = json ? CameraList.json(sorted) : CameraList.table(sorted)
            try FileIO.writeAll((text + "\n").utf8, to: STDOUT_FILENO, path: "standard output")
        }
    }
}

/// The list of cameras as text.
enum CameraList {
    static func json(_ cameras: [Cameras.Camera]) -> String {
        let list = cameras.map { camera in
            JSONText.object([
                ("name", JSONText.string(camera.name.text)), ("state", JSONText.string("\(camera.state)")),
                ("recording", JSONText.string("\(camera.recording)")),
                ("width", camera.width == 0 ? "null" : "\(camera.width)"),
                ("height", camera.height == 0 ? "null" : "\(camera.height)"),
                ("fps", JSONText.number(camera.frameRate == 0 ? nil : Double(camera.frameRate) / 1000, digits: 3)),
                ("since_us", "\(camera.since)"), ("detail", JSONText.string(camera.detail)),
            ])
        }
        return JSONText.object([("cameras", JSONText.array(list))])
    }

    static func table(_ cameras: [Cameras.Camera]) -> String {
        guard !cameras.isEmpty else { return "There is no camera that you may see." }
        let rows =
            [["NAME", "STATE", "RECORDING", "SIZE", "FPS", "SINCE", "DETAIL"]]
            + cameras.map { camera in
                [
                    camera.name.text, "\(camera.state)", camera.recording.shown,
                    camera.width == 0 ? "-" : "\(camera.width)x\(camera.height)",
                    camera.frameRate == 0 ? "-" : JSONText.number(Double(camera.frameRate) / 1000, digits: 2),
                    UTC.dateAndTime(camera.since), printable(camera.detail),
                ]
            }
        return TextTable.text(rows)
    }
}

extension RecordingHealth {
    /// For people.
    var shown: String {
        switch self {
        case .off: "-"
        case .on: "on"
        case .stopped: "STOPPED"
        case .diskLow: "on, disk low"
        }
    }
}
