import ArgumentParser
import SecamBase
import SecamMesh
import SecamProcess
import SecamRegistry
import SecamTLS
import SecamWire

/// `secam init`: prepares a data folder for services that are started one by one, in containers or by systemd.
struct InitCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init",
        abstract: "Create missing keys, certificate, join files and the user admin.",
        discussion: "Existing files stay unchanged, so you can run it before each start.")

    @OptionGroup var data: DataOption
    @Option(help: "Registry address for the services, such as tcp://gateway:7444.") var registry: String
    @Option(
        name: .customLong("join"),
        help: """
            Join file of a service, ROLE/NAME=FILE; a * at the end of NAME admits any number of instances. Repeatable.
            """)
    var joins: [String] = []
    @Option(
        help: "Names in the self-signed certificate, comma-separated. (SECAM_NAMES; default: localhost and this host)")
    var names: String?
    @Option(help: "Address for viewers in the printed command.") var viewers = "localhost:7443"

    func run() async throws {
        await reportingErrors {
            let invitations = try joins.map(Invitation.init)
            let folder = data.folder
            try folder.make()
            let status = folder.joinFile(.operator, "operator")
            for invitation in [Invitation(role: .operator, pattern: "operator", file: status)] + invitations {
                ensure(invitation, in: folder)
            }
            let settings = Settings(
                commandLine: names.map { ["names": $0] } ?? [:], environment: ProgramEnvironment.variables)
            let identity = try TLSIdentity.loadOrCreate(
                directory: folder.tls, hostNames: ProgramEnvironment.certificateNames(settings.text("names")))
            announce(identity, invitations, password: try FirstAdmin.make(in: folder))
        }
    }

    /// Creates a missing join file. An error concerns only one service, so it is reported and does not stop the command.
    private func ensure(_ invitation: Invitation, in folder: DataFolder) {
        do {
            _ = try folder.ensureJoinFile(
                invitation.role, pattern: invitation.pattern, registry: registry, at: invitation.file)
            try folder.setRegistry(registry, role: invitation.role, pattern: invitation.pattern, at: invitation.file)
        } catch {
            StandardOutput.print("secam init: \(error)\n")
        }
    }

    private func announce(_ identity: TLSIdentity, _ invitations: [Invitation], password: String?) {
        var text = "\nsecam is set up.\n  certificate  SHA256 \(identity.fingerprint)\n"
        text += "  its key      \(identity.keyFingerprint)\n"
        if let password {
            text += "  user         admin\n  password     \(password)   (shown once; change: secam user passwd admin)\n"
        } else {
            text += "  users        exist already; to replace a forgotten password: secam user passwd NAME\n"
        }
        let camera = invitations.first { $0.role == .capture }.map { ShellText.quoted($0.pattern) } ?? ""
        StandardOutput.print(text + "Watch:\n  secam-view live \(camera) --server \(viewers) --username admin\n\n")
    }
}

/// The value of `--join`.
private struct Invitation {
    let role: Role
    let pattern: String
    let file: String
}

extension Invitation {
    init(_ text: String) throws(CommandError) {
        let sides = text.split(separator: "=", maxSplits: 1)
        let name = sides.first?.split(separator: "/", maxSplits: 1) ?? []
        guard sides.count == 2, name.count == 2, let role = Role(String(name[0])) else {
            throw CommandError("--join '\(text)': expected ROLE/NAME=FILE, such as capture/porch=/keys/porch.join")
        }
        self.role = role
        pattern = String(name[1])
        file = String(sides[1])
        try KeysCommand.check(role, pattern)
    }
}
