import ArgumentParser
import Glibc
import SecamTLS
import SecamWire

enum BeforeCommand {}
enum AfterCommand {}

/// The gateway, the login, and the trust in the gateway's certificate. The parser gives each type one set of values, so
/// the type parameter distinguishes the options before the command from those after it.
struct ConnectionOptions<Side>: ParsableArguments {
    @Option(help: ArgumentHelp("Gateway's address. (SECAM_SERVER)", valueName: "host:port"))
    var server: String?

    @Option(help: ArgumentHelp("User name. (SECAM_USERNAME)", valueName: "name"))
    var username: String?

    @Option(
        help: ArgumentHelp(
            "Password; other users of this machine may read it from the command line.", valueName: "password"))
    var password: String?

    @Option(
        help: ArgumentHelp(
            "File with the password. (SECAM_PASSWORD, the password itself; default: ask)", valueName: "file"))
    var passwordFile: String?

    @Option(
        help: ArgumentHelp("PEM file with the certificate authorities of the gateway's certificate.", valueName: "file")
    )
    var ca: String?

    @Option(
        help: ArgumentHelp(
            "SHA-256 fingerprint of the gateway's certificate, or SPKI-SHA256:… of its key.", valueName: "sha256"))
    var fingerprint: String?

    @Option(
        help: ArgumentHelp(
            "File of the accepted gateways' keys. (default: ~/.config/secam/known_hosts)", valueName: "file"))
    var knownHosts: String?

    init() {}
}

/// The checked options of a login.
struct LoginPlan: Sendable {
    var server: ServerAddress
    var trust: ServerTrust
    var username: String
    var password: PasswordSource
    /// `nil` when neither XDG_STATE_HOME nor HOME names a folder for them.
    var deviceTokens: DeviceTokens?
    /// File for the secrets of the connection; `nil` to keep them in memory.
    var keyLogFile: String?

    /// Options after the command override options before it; both override the environment.
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
        keyLogFile = environment("SSLKEYLOGFILE").flatMap { $0.isEmpty ? nil : $0 }
        trust = try Self.trust(
            authorities: after.ca ?? before.ca, fingerprint: after.fingerprint ?? before.fingerprint,
            knownHosts: after.knownHosts ?? before.knownHosts, environment: environment)
    }

    private static func trust(
        authorities: String?, fingerprint: String?, knownHosts: String?, environment: (String) -> String?
    ) throws(ClientError) -> ServerTrust {
        switch (authorities, fingerprint) {
        case (.some, .some): throw .usage("--ca and --fingerprint exclude each other; give only one")
        case (let file?, nil): return .authorities(file: file)
        case (nil, let text?):
            if let key = try? PublicKeyFingerprint(text) { return .key(key) }
            if let certificate = try? CertificateFingerprint(text) { return .fingerprint(certificate) }
            throw .badOption(
                option: "--fingerprint", value: text,
                expected: "64 hexadecimal digits for a certificate, or SPKI-SHA256: and 64 of them for its key")
        case (nil, nil):
            guard let path = knownHosts ?? KnownHosts.defaultPath(environment) else {
                throw .usage("HOME is not set; give --known-hosts FILE, --ca FILE or --fingerprint SHA256")
            }
            return .pinned(KnownHosts(path: path))
        }
    }

    static func environment(_ name: String) -> String? {
        guard let value = unsafe getenv(name) else { return nil }
        return unsafe String(cString: value)
    }
}
