import ArgumentParser
import SecamBase
import SecamProcess
import SecamWire

struct ProtectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "protect", abstract: "Protect recordings from retention (admins only).")

    @ParentCommand var parent: SecamView
    @OptionGroup var connection: ConnectionOptions<AfterCommand>
    @OptionGroup var range: RangeOptions

    @Argument(help: "Camera name.")
    var camera: String

    @Flag(help: "Remove the protection.")
    var release = false

    func run() throws {
        try SecamView.run { () throws(ClientError) in
            let name = try cameraName(camera)
            let (from, to) = try range.range(orFrom: 0, to: .max)
            var login = try GatewayLogin(try LoginPlan(connection, parent.leading), showMessage: StandardError.line)
            let result = try login.run { (login) throws(ClientError) in
                let client = try PlaybackClient(login)
                defer { client.stop() }
                return try client.protect(!release, name, from: from, to: to)
            }
            guard !result.recordings.isEmpty else { throw .nothingRecorded(camera: name, from: from, to: to) }
            try StandardOutput.printLine(RecordingList.table(result))
        }
    }
}
