import ArgumentParser
import Glibc
import SecamBase
import SecamMesh
import SecamProcess
import SecamRegistry
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
                let entries = try data.existingFolder().allowlist().entries
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
            commandName: "invite", abstract: "Makes a join file for one service, a camera if nothing else is said.",
            discussion: "A camera's file is also for encoders beside it, which then work for that camera alone.")
        @OptionGroup var data: DataOption
        @Argument(help: "The service's name; a * at its end admits any number of instances.") var name: String
        @Option(help: "capture, encode, motion or archive.") var role = "capture"
        @Option(
            help: """
                Address at which the service reaches the registry, as tcp://host:port. (SECAM_PUBLIC_REGISTRY; default: \
                this host, at the port of the gateway that runs)
                """)
        var registry: String?
        @Option(
            help: """
                Where the camera reaches the gateway's port for viewers, as host:port, when nobody can connect to the \
                camera: all then goes through the gateway.
                """)
        var relay: String?
        @Option(
            name: .shortAndLong,
            help: "The file to write, - for standard output; it holds a secret. (default: NAME.secam here)")
        var output: String?

        func run() async throws {
            await reportingErrors {
                guard let role = Role(role) else {
                    throw CommandError("--role '\(role)': expected capture, encode, motion or archive")
                }
                try KeysCommand.check(role, name)
                if let relay {
                    guard role == .capture else { throw CommandError("--relay is for cameras") }
                    guard Relay.isAddress(relay) else { throw CommandError("--relay '\(relay)': expected host:port") }
                }
                let folder = data.folder
                try folder.make()
                let registry = try registry ?? KeysCommand.publicRegistry(folder)
                func invite() throws -> String {
                    guard role == .capture else { return try folder.invite(role, pattern: name, registry: registry) }
                    return try folder.inviteCamera(Name(name), registry: registry, relay: relay)
                }
                if output == "-" { return StandardOutput.print(try invite()) }
                let file = output ?? "\(name.filter { $0 != "*" }).secam"
                guard try SecretFile.readIfThere(file) == nil else {
                    throw CommandError("\(file) exists already", .cannotCreate)
                }
                // Where it cannot be written, no key may be left behind either.
                try SecretFile.write("", to: file)
                do {
                    try SecretFile.write(try invite(), to: file)
                } catch {
                    _ = unsafe unlink(file)
                    throw error
                }
                StandardOutput.print(
                    """
                    \(file) lets \(role) '\(name)' join at \(registry). Bring it there by a way that others cannot read:
                      secam-\(role) --join \(file)\(role == .capture ? " --source v4l2:/dev/video0" : "")
                    \(role == .capture ? "  secam-encode --join \(file)\n" : "")
                    """)
            }
        }
    }

    /// Who can be given a key.
    static func check(_ role: Role, _ pattern: String) throws(CommandError) {
        guard role != .gateway, role != .operator else {
            throw CommandError("'\(role)': expected capture, encode, motion or archive")
        }
        if role == .capture, pattern.hasSuffix("*") {
            throw CommandError("'\(pattern)': a camera has a name of its own; leave the * out")
        }
        if role == .capture { _ = try CameraName.check(pattern) }
        do throws(NameError) {
            if pattern != "*" { _ = try Name(pattern) }
        } catch {
            throw CommandError("the name '\(JSONText.string(pattern).dropFirst().dropLast())' is \(error)")
        }
    }

    /// Where services on other machines reach the registry, as far as this machine can know.
    private static func publicRegistry(_ folder: DataFolder) throws -> String {
        if let address = ProgramEnvironment.variables["SECAM_PUBLIC_REGISTRY"], !address.isEmpty { return address }
        let listening = try ServiceSetAddress(readyFile: folder.readyFile)?.registry
        if let listening, listening.hasPrefix("tcp://127.") {
            throw CommandError(
                "the gateway lets services join from this machine only (\(listening)); start it with "
                    + "--listen tcp://0.0.0.0:7444, or say with --registry where it is reached", .unavailable)
        }
        guard let port = listening?.split(separator: ":").last else {
            throw CommandError(
                "no gateway runs on this folder that could say where it is reached; say it with --registry, as "
                    + "tcp://\(ProgramEnvironment.hostName):7444", .unavailable)
        }
        return "tcp://\(ProgramEnvironment.hostName):\(port)"
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
                let count = try data.existingFolder().revoke(role: onlyRole, pattern: name)
                guard count > 0 else { throw CommandError("no key is for '\(name)'; see secam keys list", .data) }
            }
        }
    }
}
