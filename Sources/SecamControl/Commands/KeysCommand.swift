import ArgumentParser
import SecamConfig
import SecamMesh
import SecamWire

/// `secam keys`: which services may join.
struct KeysCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keys", abstract: "Lists, makes and revokes the keys of services.",
        subcommands: [List.self, Invite.self, Revoke.self], defaultSubcommand: List.self)

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "Lists the admitted keys with their roles and names.")
        @OptionGroup var data: DataOption
        @Flag(help: "One JSON array.") var json = false

        func run() async throws {
            await reportingErrors {
                let entries = try data.folder.allowlist().entries
                guard json else {
                    return StandardOutput.print(
                        entries.map { "\($0.role)  \($0.pattern)  \($0.key)\n" }.joined())
                }
                let objects = entries.map { entry in
                    JSONText.object([
                        "role": JSONText.string("\(entry.role)"), "name": JSONText.string(entry.pattern),
                        "key": JSONText.string("\(entry.key)"),
                    ])
                }
                StandardOutput.print(JSONText.array(objects) + "\n")
            }
        }
    }

    struct Invite: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "invite", abstract: "Makes a join file for one service, a camera if nothing else is said.")
        @OptionGroup var data: DataOption
        @Argument(help: "The service's name; a * at its end admits any number of instances.") var name: String
        @Option(help: "capture, encode, motion or archive.") var role = "capture"
        @Option(help: "Address at which the service reaches the registry, as tcp://host:port.") var registry: String
        @Option(name: .shortAndLong, help: "The file to write; it holds a secret.") var output: String

        func run() async throws {
            await reportingErrors {
                guard let role = Role(role), role != .gateway, role != .operator else {
                    throw CommandError("--role '\(role)': expected capture, encode, motion or archive")
                }
                if role == .capture, name.hasSuffix("*") {
                    throw CommandError("'\(name)': a camera has a name of its own; leave the * out")
                }
                if name != "*" { _ = try CameraName.check(name) }
                let folder = data.folder
                try folder.make()
                guard try SecretFile.readIfThere(output) == nil else {
                    throw CommandError("\(output) exists already", .cannotCreate)
                }
                let text = try folder.invite(role, pattern: name, registry: registry)
                try SecretFile.write(text, to: output)
            }
        }
    }

    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "revoke", abstract: "Takes a service's keys back; it is cut off within three seconds.")
        @OptionGroup var data: DataOption
        @Argument(help: "The service's name, as `secam keys list` shows it.") var name: String
        @Option(help: "Only in this role.") var role: String?

        func run() async throws {
            await reportingErrors {
                let onlyRole = try role.map { text in
                    guard let role = Role(text) else { throw CommandError("--role '\(text)' does not exist") }
                    return role
                }
                let count = try data.folder.revoke(role: onlyRole, pattern: name)
                guard count > 0 else { throw CommandError("no key is for '\(name)'; see secam keys list", .data) }
            }
        }
    }
}
