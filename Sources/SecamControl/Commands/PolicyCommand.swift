import ArgumentParser
internal import Glibc
import SecamConfig
import SecamMesh
import SecamPolicy

/// `secam policy`: checks policy files.
struct PolicyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "policy", abstract: "Check a policy file.", subcommands: [Check.self])

    struct Check: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "check", abstract: "Check a policy file without using it.",
            discussion: """
                Exit status: 0 when the gateway would accept the file, 1 when it is invalid (the message names the line \
                and what is expected there), 66 when there is no such file, 77 when it cannot be read.
                """)

        @OptionGroup var data: DataOption
        @Argument(help: "Policy file, or - for standard input (default: policy.yaml in the data folder)")
        var file: String?

        func run() async throws {
            await reportingErrors {
                let (text, path) = try read()
                do throws(PolicyError) {
                    let policy = try PolicyFile(parsing: text, path: path)
                    StandardOutput.print(
                        "\(path): valid, cameras with settings: \(policy.cameraCount), hooks: \(policy.hooks.count)\n")
                } catch {
                    ServiceProcess.fail("secam", "\(error)", .problem)
                }
            }
        }

        private func read() throws -> (text: String, path: String) {
            if file == "-" { return (try StandardInput.text(limit: SecretFile.limit), "standard input") }
            let path = file ?? data.folder.policy
            guard let text = try PolicyFile.text(at: path) else {
                throw CommandError("\(path): no such file", .noInput)
            }
            return (text, path)
        }
    }
}

/// Standard input, read to its end.
private enum StandardInput {
    /// - Throws: when it is longer than `limit` bytes, or is not UTF-8.
    static func text(limit: Int) throws(CommandError) -> String {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = unsafe Glibc.read(0, &chunk, chunk.count)
            guard count >= 0 else { throw CommandError("standard input cannot be read", .inputOutput) }
            guard count > 0 else { break }
            bytes += chunk.prefix(count)
            guard bytes.count <= limit else {
                throw CommandError("standard input is larger than \(limit) bytes", .data)
            }
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw CommandError("standard input is not UTF-8 text", .data)
        }
        return text
    }
}
