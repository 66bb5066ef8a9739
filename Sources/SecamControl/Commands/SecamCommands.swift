package import ArgumentParser
package import SecamBase
import SecamMesh
import SecamProcess
import SecamRegistry

/// The subcommands of `secam` without `bench`.
package enum SecamCommands {
    package static let all: [any ParsableCommand.Type] = [
        UpCommand.self, InitCommand.self, UserCommand.self, KeysCommand.self, StatusCommand.self, PolicyCommand.self,
        ArchiveCommand.self, BackupCommand.self, RestoreCommand.self, MotionTestCommand.self,
    ]
}

/// The data folder of a command.
struct DataOption: ParsableArguments {
    @Option(help: "Data folder, with keys, users and certificate. (SECAM_DATA; default: ~/.local/share/secam)")
    var data: String?

    var folder: DataFolder {
        let environment = ProgramEnvironment.variables
        if let path = data ?? environment["SECAM_DATA"], !path.isEmpty { return DataFolder(path) }
        if let path = environment["XDG_DATA_HOME"], !path.isEmpty { return DataFolder("\(path)/secam") }
        return DataFolder("\(environment["HOME"] ?? ".")/.local/share/secam")
    }

    /// Returns the folder for a command that must not create it, such as when its path is mistyped.
    ///
    /// - Throws: when the folder does not exist.
    func existingFolder() throws(CommandError) -> DataFolder {
        let folder = folder
        guard folder.exists else {
            throw CommandError(
                "\(folder.path) is not a data folder; check --data, or create one with 'secam up', 'init' or 'user add'",
                .noInput)
        }
        return folder
    }
}

/// Runs a command's body. It reports an error on standard error, and with an exit status of sysexits.
func reportingErrors(_ body: () async throws -> Void) async {
    do {
        try await body()
    } catch let error as any ProgramError {
        ServiceProcess.fail("secam", "\(error)", error.exitStatus)
    } catch let error as any CustomStringConvertible & Error {
        ServiceProcess.fail("secam", error.description, .data)
    } catch {
        ServiceProcess.fail("secam", "\(error)", .software)
    }
}

/// An error of a command, with its exit status.
package struct CommandError: ProgramError {
    package let description: String
    package let exitStatus: ExitStatus

    package init(_ description: String, _ status: ExitStatus = .usage) {
        self.description = description
        exitStatus = status
    }
}
