import ArgumentParser
import SecamMesh
import SecamProcess
import SecamRegistry
import SecamTLS
import SecamWire

/// `secam init`: makes what the services need before they start, where each is started by something else, as in
/// containers or by systemd.
struct InitCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init",
        abstract: "Makes keys, certificate, join files and the user admin, where they are missing.",
        discussion: "What is there already stays as it is, so that it can be run before each start.")

    @OptionGroup var data: DataOption
    @Option(help: "Address at which the services reach the registry, as tcp://gateway:7444.") var registry: String
    @Option(
        name: .customLong("join"),
        help: "ROLE/NAME=FILE, repeated: a service's join file; a * at the name's end is for any number of instances.")
    var joins: [String] = []
    @Option(help: "Names in the self-signed certificate, with commas. (SECAM_NAMES; default: localhost and this host)")
    var names: String?
    @Option(help: "Address for viewers, as it is shown to people.") var viewers = "localhost:7443"

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

    /// A file that cannot be used keeps one service away, not all.
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
            text += "  users        are there already; a forgotten password: secam user passwd NAME\n"
        }
        let camera = invitations.first { $0.role == .capture }.map { ShellText.quoted($0.pattern) } ?? ""
        StandardOutput.print(text + "Watch:\n  secam-view live \(camera) --server \(viewers) --username admin\n\n")
    }
}

/// What `--join` says.
private struct Invitation {
    let role: Role
    let pattern: String
    let file: String

    init(role: Role, pattern: String, file: String) {
        self.role = role
        self.pattern = pattern
        self.file = file
    }

    init(_ text: String) throws(CommandError) {
        let sides = text.split(separator: "=", maxSplits: 1)
        let name = sides.first?.split(separator: "/", maxSplits: 1) ?? []
        guard sides.count == 2, name.count == 2, let role = Role(String(name[0])) else {
            throw CommandError("--join '\(text)': expected ROLE/NAME=FILE, as capture/porch=/keys/porch.join")
        }
        self.role = role
        pattern = String(name[1])
        file = String(sides[1])
        try KeysCommand.check(role, pattern)
    }
}
