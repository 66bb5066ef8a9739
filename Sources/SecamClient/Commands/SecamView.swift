package import ArgumentParser
import SecamBase

/// The command line of `secam-view`.
package struct SecamView: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "secam-view",
        abstract: "Watch, replay and record the cameras of a secam gateway.",
        discussion: """
            Examples:
              secam-view live --server camera.example:7443 --username anna
              secam-view live front-door yard --record clip.mkv
              secam-view snapshot front-door -o door.jpg
              secam-view cameras --json

            secam-view asks for the password, or takes it from SECAM_PASSWORD or --password-file. This machine \
            remembers a login until 'secam-view logout', for 14 days after its last use and at most 90 days.

            Exit status: 0 success, 64 wrong usage, 66 no such camera or recording, 69 gateway, archive or picture \
            unavailable, 71 no display, 73 file exists, 74 file not readable or writable, 76 not a secam gateway, 77 \
            login refused or certificate not trusted, 79 export with missing parts.
            """,
        version: softwareVersion,
        subcommands: [
            LiveCommand.self, CamerasCommand.self, SnapshotCommand.self, EventsCommand.self, RecordingsCommand.self,
            TimelineCommand.self, PlayCommand.self, ExportCommand.self, ProtectCommand.self,
            LogoutCommand.self,
        ],
        defaultSubcommand: LiveCommand.self)

    /// The connection's options before the command.
    @OptionGroup var leading: ConnectionOptions<BeforeCommand>

    package init() {}

    /// Runs a command's body. It reports an error as one line on standard error, and with an exit status of sysexits.
    static func run(_ body: () throws(ClientError) -> Void) throws {
        do throws(ClientError) {
            try body()
        } catch {
            StandardError.line("\(error)")
            throw ExitCode(error.exitStatus.rawValue)
        }
    }
}
