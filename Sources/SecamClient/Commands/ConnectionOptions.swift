import ArgumentParser
import Glibc
import SecamTLS
import SecamWire

enum BeforeCommand {}
enum AfterCommand {}

/// Which gateway, who, and how to know that it is the right one. The place makes the options before and after the
/// command two types, since the parser gives each type one set of values.
struct ConnectionOptions<Place>: ParsableArguments {
    @Option(help: ArgumentHelp("The gateway's address (env: SECAM_SERVER).", valueName: "host:port"))
    var server: String?

    @Option(help: ArgumentHelp("Who logs in (env: SECAM_USERNAME).", valueName: "name"))
    var username: String?

    @Option(help: ArgumentHelp("The password. Others on this machine can see it here.", valueName: "password"))
    var password: String?

    @Option(
        help: ArgumentHelp("A file that holds the password (env: SECAM_PASSWORD, the password).", valueName: "file"))
    var passwordFile: String?

    @Option(help: ArgumentHelp("Trust a certificate that was issued by one in this PEM file.", valueName: "file"))
    var ca: String?

    @Option(
        help: ArgumentHelp(
            "SHA-256 fingerprint of the certificate to trust, or of its key with SPKI-SHA256: in front.",
            valueName: "sha256"))
    var fingerprint: String?

    @Option(
        help: ArgumentHelp(
            "Where accepted certificates are remembered (default: ~/.config/secam/known_hosts).", valueName: "file"))
    var knownHosts: String?

    init() {}
}

/// All that is needed to log in.
struct LoginPlan: Sendable {
    var server: ServerAddress
    var trust: ServerTrust
    var username: String
    var password: PasswordSource
    /// Nil when this machine's user has no folder for them.
    var deviceTokens: DeviceTokens?

    /// What stands after the command counts more than what stands before it, and both more than the environment.
    init(
        _ after: ConnectionOptions<AfterCommand>, _ before: ConnectionOptions<BeforeCommand>,
        environment: (String) -> String? = LoginPlan.environment
    ) throws(ClientError) {
        guard let server = after.server ?? before.server ?? environment("SECAM_SERVER") else {
            throw .missing(option: "--server", variable: "SECAM_SERVER")
        }
        self.server = try ServerAddress(server)
        guard let username = after.username ?? before.username ?? environment("SECAM_USERNAME") else {
            throw .missing(option: "--username", variable: "SECAM_USERNAME")
        }
        guard username.utf8.count <= WireLimits.name else { throw .usernameTooLong(bytes: username.utf8.count) }
        self.username = username
        password = try PasswordSource(
            argument: after.password ?? before.password, file: after.passwordFile ?? before.passwordFile,
            environment: environment)
        deviceTokens = DeviceTokens.defaultPath(environment).map(DeviceTokens.init)
        trust = try Self.trust(
            authorities: after.ca ?? before.ca, fingerprint: after.fingerprint ?? before.fingerprint,
            knownHosts: after.knownHosts ?? before.knownHosts, environment: environment)
    }

    private static func trust(
        authorities: String?, fingerprint: String?, knownHosts: String?, environment: (String) -> String?
    ) throws(ClientError) -> ServerTrust {
        switch (authorities, fingerprint) {
        case (.some, .some): throw .contradiction("--ca and --fingerprint are both given; leave one out")
        case (let file?, nil): return .authorities(file: file)
        case (nil, let text?):
            if let key = try? PublicKeyFingerprint(text) { return .key(key) }
            if let certificate = try? CertificateFingerprint(text) { return .fingerprint(certificate) }
            throw .badOption(
                option: "--fingerprint", value: text,
                expected: "64 hexadecimal digits for a certificate, or SPKI-SHA256: and 64 of them for its key")
        case (nil, nil):
            guard let path = knownHosts ?? KnownHosts.defaultPath(environment) else {
                throw .contradiction("HOME is not set; give --known-hosts FILE, --ca FILE or --fingerprint SHA256")
            }
            return .pinned(KnownHosts(path: path))
        }
    }

    static func environment(_ name: String) -> String? {
        guard let value = unsafe getenv(name) else { return nil }
        return unsafe String(cString: value)
    }
}
