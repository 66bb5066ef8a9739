package import ArgumentParser
package import SecamBase
import SecamMesh
import SecamProcess
import SecamRegistry

/// The subcommands of `secam`, without its benchmarks.
package enum SecamCommands {
    package static let all: [any ParsableCommand.Type] = [
        UpCommand.self, InitCommand.self, UserCommand.self, KeysCommand.self, StatusCommand.self, PolicyCommand.self,
        ArchiveCommand.self, BackupCommand.self, RestoreCommand.self, MotionTestCommand.self,
    ]
}

/// Which folder a command works on.
struct DataOption: ParsableArguments {
    @Option(help: "Folder with keys, users and certificate. (SECAM_DATA; default: ~/.local/share/secam)")
    var data: String?

    var folder: DataFolder {
        let environment = ProgramEnvironment.variables
        if let path = data ?? environment["SECAM_DATA"], !path.isEmpty { return DataFolder(path) }
        if let path = environment["XDG_DATA_HOME"], !path.isEmpty { return DataFolder("\(path)/secam") }
        return DataFolder("\(environment["HOME"] ?? ".")/.local/share/secam")
    }

    /// For what only makes sense where something is: a mistyped folder must not be made.
    ///
    /// - Throws: when there is none.
    func existingFolder() throws(CommandError) -> DataFolder {
        let folder = folder
        guard folder.exists else {
            throw CommandError(
                "\(folder.path) is no data folder of secam; 'secam up', 'init' and 'user add' make one (--data says where)",
                .noInput)
        }
        return folder
    }
}

/// Runs a command's body; an error is one line on standard error and a status of sysexits.
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

/// A command that cannot be carried out as it was given.
package struct CommandError: ProgramError {
    package let description: String
    package let exitStatus: ExitStatus

    package init(_ description: String, _ status: ExitStatus = .usage) {
        self.description = description
        exitStatus = status
    }
}
