import ArgumentParser
import SecamBase
import SecamProcess
import SecamWire

struct CamerasCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cameras", abstract: "List the cameras that you may see.")

    @ParentCommand var parent: SecamView
    @OptionGroup var connection: ConnectionOptions<AfterCommand>

    @Flag(help: "Print one JSON object.")
    var json = false

    /// From the start of the connection to the list.
    private static let timeout: Duration = .seconds(15)

    func run() throws {
        try SecamView.run { () throws(ClientError) in
            var login = try GatewayLogin(try LoginPlan(connection, parent.leading), showMessage: StandardError.line)
            let cameras = try login.run { (login) throws(ClientError) in
                try CameraQuery<[Cameras.Camera]> { event throws(ClientError) in
                    if case .cameras(let cameras) = event { cameras } else { nil }
                }.run(login, login.settings(), timeout: Self.timeout)
            }
            let sorted = cameras.sorted { $0.name < $1.name }
            try StandardOutput.printLine(json ? CameraList.json(sorted) : CameraList.table(sorted))
        }
    }
}

/// The output of `secam-view cameras`.
enum CameraList {
    static func json(_ cameras: [Cameras.Camera]) -> String {
        return JSONText.object([("cameras", JSONText.array(cameras.map(CameraText.json)))])
    }

    static func table(_ cameras: [Cameras.Camera]) -> String {
        guard !cameras.isEmpty else { return "No cameras found." }
        let rows =
            [["NAME", "STATE", "RECORDING", "SIZE", "FPS", "SINCE", "DETAIL"]]
            + cameras.map { camera in
                [
                    camera.name.text, "\(camera.state)", camera.recording.shown,
                    camera.width == 0 ? "-" : "\(camera.width)x\(camera.height)",
                    camera.frameRate == 0 ? "-" : JSONText.number(Double(camera.frameRate) / 1000, digits: 2),
                    UTC.dateAndTime(camera.since), TerminalText.masked(camera.detail),
                ]
            }
        return TextTable.text(rows)
    }
}

extension RecordingHealth {
    /// The cell of a table.
    var shown: String {
        switch self {
        case .off: "-"
        case .on: "on"
        case .stopped: "STOPPED"
        case .diskLow: "on, disk low"
        }
    }
}
