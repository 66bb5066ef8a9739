import ArgumentParser
import Glibc
import SecamBase
import SecamMesh
import SecamProcess
import SecamRegistry
import SecamWire

/// `secam keys`: manages the keys with which services join.
struct KeysCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keys", abstract: "List, create and revoke the keys of services.",
        subcommands: [List.self, Invite.self, Revoke.self], defaultSubcommand: List.self)

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "List the admitted keys with their roles and names.")
        @OptionGroup var data: DataOption
        @Flag(help: "Print one JSON array.") var json = false

        func run() async throws {
            await reportingErrors {
                let entries = try data.existingFolder().keyList().entries
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
            commandName: "invite", abstract: "Create a join file for a camera or another service.",
            discussion: "A camera's join file also admits encoders, which then work for that camera alone.")
        @OptionGroup var data: DataOption
        @Argument(help: "Service name; a * at its end admits any number of instances.") var name: String
        @Option(help: "Role: capture, encode, motion or archive.") var role = "capture"
        @Option(
            help: """
                Registry address for the service, tcp://host:port. (SECAM_PUBLIC_REGISTRY; default: this host, at the \
                running gateway's port)
                """)
        var registry: String?
        @Option(
            help: """
                Gateway's address for viewers, host:port, for a camera behind NAT: the camera then makes only outbound \
                connections.
                """)
        var relay: String?
        @Option(
            name: .shortAndLong,
            help: "Join file to write, which contains a secret; - for standard output. (default: NAME.secam)")
        var output: String?

        func run() async throws {
            await reportingErrors {
                let role = try KeysCommand.role(role)
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
                    throw CommandError("\(file) exists; choose another name with --output, or remove it", .cannotCreate)
                }
                // Creates the file first, so that a failure admits no key.
                try SecretFile.write("", to: file)
                do {
                    try SecretFile.write(try invite(), to: file)
                } catch {
                    _ = unsafe unlink(file)
                    throw error
                }
                StandardOutput.print(
                    """
                    \(file) admits \(role) '\(name)' to \(registry). Copy it over a private channel, and start there:
                      secam-\(role) --join \(file)\(role == .capture ? " --source v4l2:/dev/video0" : "")
                    \(role == .capture ? "  secam-encode --join \(file)\n" : "")
                    """)
            }
        }
    }

    static func role(_ text: String) throws(CommandError) -> Role {
        guard let role = Role(text) else {
            throw CommandError("--role '\(text)': expected capture, encode, motion or archive")
        }
        return role
    }

    /// - Throws: when a key for this role and name is impossible.
    static func check(_ role: Role, _ pattern: String) throws(CommandError) {
        guard role != .gateway, role != .operator else {
            throw CommandError("role '\(role)': expected capture, encode, motion or archive")
        }
        if role == .capture, pattern.hasSuffix("*") {
            throw CommandError("'\(pattern)': a join file is for one camera; leave the * out")
        }
        if role == .capture { _ = try CameraName.check(pattern) }
        do throws(NameError) {
            if pattern != "*" { _ = try Name(pattern) }
        } catch {
            throw CommandError("the name '\(JSONText.escaped(pattern))' is \(error)")
        }
    }

    /// Returns the registry's address for services on other machines.
    private static func publicRegistry(_ folder: DataFolder) throws -> String {
        if let address = ProgramEnvironment.variables["SECAM_PUBLIC_REGISTRY"], !address.isEmpty { return address }
        let listening = try ServiceSetAddress(readyFile: folder.readyFile)?.registry
        if let listening, listening.hasPrefix("tcp://127.") {
            throw CommandError(
                "the gateway accepts services from this machine only (\(listening)); start it with "
                    + "--listen tcp://0.0.0.0:7444, or give its address with --registry", .unavailable)
        }
        guard let port = listening.flatMap(HostPort.init(endpoint:))?.port else {
            throw CommandError(
                "no gateway is running with \(folder.path), so its address is unknown; give it with --registry, such as "
                    + "tcp://\(ProgramEnvironment.hostName):7444", .unavailable)
        }
        return "tcp://\(ProgramEnvironment.hostName):\(port)"
    }

    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "revoke", abstract: "Revoke a service's keys, and cut it off within three seconds.")
        @OptionGroup var data: DataOption
        @Argument(help: "Service name, as in `secam keys list`.") var name: String
        @Option(help: "Role of the keys to revoke. (default: all roles)") var role: String?

        func run() async throws {
            await reportingErrors {
                let onlyRole = try role.map(KeysCommand.role)
                let count = try data.existingFolder().revoke(role: onlyRole, pattern: name)
                guard count > 0 else { throw CommandError("no key for '\(name)'; see 'secam keys list'", .data) }
            }
        }
    }
}
