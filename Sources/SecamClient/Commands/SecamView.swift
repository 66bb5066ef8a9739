package import ArgumentParser
import SecamBase

/// The command line of `secam-view`.
package struct SecamView: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "secam-view",
        abstract: "Shows, records and lists the cameras of a secam gateway.",
        discussion: """
            Examples:
              secam-view live --server camera.example:4433 --username anna
              secam-view live front-door yard --record yard.mkv
              secam-view snapshot front-door -o door.jpg
              secam-view cameras --json

            The password is asked for, or comes from SECAM_PASSWORD or --password-file.

            Exit status: 0 done, 64 wrong usage, 66 no such camera, 69 gateway not reached, 71 no display, 73 file \
            exists, 74 cannot read or write a file, 76 not a secam gateway, 77 login refused or certificate not \
            trusted.
            """,
        subcommands: [
            LiveCommand.self, CamerasCommand.self, SnapshotCommand.self, EventsCommand.self, RecordingsCommand.self,
            TimelineCommand.self, PlayCommand.self, ExportCommand.self, ProtectCommand.self,
        ],
        defaultSubcommand: LiveCommand.self)

    /// So that they can stand before the command too.
    @OptionGroup var leading: ConnectionOptions<BeforeCommand>

    package init() {}

    /// Runs what a command does and says what went wrong on one line.
    static func run(_ body: () throws(ClientError) -> Void) throws {
        do throws(ClientError) {
            try body()
        } catch {
            StandardError.line("\(error)")
            throw ExitCode(error.exitStatus.rawValue)
        }
    }
}
