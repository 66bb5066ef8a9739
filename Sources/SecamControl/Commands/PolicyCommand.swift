import ArgumentParser
import SecamBase
import SecamMesh
import SecamPolicy
import SecamProcess
import SecamRegistry

/// `secam policy`: checks policy files.
struct PolicyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "policy", abstract: "Check a policy file.", subcommands: [Check.self])

    struct Check: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "check", abstract: "Check a policy file, and list all errors with their lines.",
            discussion: """
                Exit status: 0 when the gateway would accept the file, 1 when it is invalid, 66 when it does not exist, 77 \
                when it cannot be read.
                """)

        @OptionGroup var data: DataOption
        @Argument(help: "Policy file; - for standard input. (default: policy.yaml in the data folder)")
        var file: String?

        func run() async throws {
            await reportingErrors {
                let (text, path) = try read()
                let problems = PolicyFile.problems(in: text, path: path)
                guard problems.isEmpty else {
                    ServiceProcess.fail("secam", problems.map(\.description).joined(separator: "\n"), .problem)
                }
                let policy = try PolicyFile(parsing: text, path: path)
                StandardOutput.print(
                    "\(path): valid, cameras with settings: \(policy.cameraCount), hooks: \(policy.hooks.count)\n")
            }
        }

        private func read() throws -> (text: String, path: String) {
            if file == "-" {
                let bytes = try StandardInput.contents(limit: SecretFile.limit)
                guard let text = String(validating: bytes, as: UTF8.self) else {
                    throw CommandError("standard input is not UTF-8 text", .data)
                }
                return (text, "standard input")
            }
            let path = file ?? data.folder.policy
            guard let text = try PolicyFile.text(at: path) else {
                throw CommandError("\(path) does not exist", .noInput)
            }
            return (text, path)
        }
    }
}
