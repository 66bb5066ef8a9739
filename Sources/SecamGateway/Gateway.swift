import Logging
import NIOCore
import SecamBase
import SecamMesh
import SecamMetrics
import SecamProcess
import SecamRegistry
import SecamTLS
import SecamUsers
import SecamWire
import ServiceLifecycle

/// The gateway's settings.
struct GatewayConfiguration: Sendable {
    var folder: DataFolder
    /// A folder from which a new data folder takes its first files.
    var seed: String?
    var listen: String
    var server: ViewerServerConfiguration
    /// Whether the viewers' port serves the page and the HTTP interface too.
    var isWebOn: Bool
    var certificate: (path: String, key: String)?
    var names: [String]
    var policy: GatewayPolicy
    var readyFile: String?
    var metrics: MetricsEndpoint?

    init(_ settings: Settings) throws(SettingsError) {
        folder = DataFolder(try settings.required("data", "the folder with keys, users and certificate"))
        seed = settings.text("seed")
        listen = settings.text("listen") ?? "tcp://127.0.0.1:7444"
        server = ViewerServerConfiguration(
            host: settings.text("host") ?? "::", port: try settings.integer("port", in: 0...65535, default: 7443),
            threads: try settings.integer("threads", in: 1...64, default: 2))
        server.software = softwareVersion
        isWebOn = try settings.flag("web", default: true)
        server.connectionLimits.connections = try settings.integer("connections", in: 1...65536, default: 1024)
        server.connectionLimits.connectionsPerAddress = try settings.integer(
            "connections.per.address", in: 1...65536, default: 64)
        server.connectionLimits.connectionsPerUser = try settings.integer(
            "connections.per.user", in: 1...65536, default: 32)
        if let text = settings.text("trusted.proxies") {
            guard let proxies = ProxyAddresses.parse(text) else {
                throw SettingsError(
                    key: "trusted.proxies", value: text, expected: "IP addresses, separated by commas")
            }
            server.trustedProxies = proxies
        }
        switch (settings.text("certificate"), settings.text("key")) {
        case (nil, nil): certificate = nil
        case (let path?, let key?): certificate = (path, key)
        case (_?, nil): throw SettingsError(key: "key", value: nil, expected: "the certificate's private key")
        case (nil, _?): throw SettingsError(key: "certificate", value: nil, expected: "the private key's certificate")
        }
        names = ProgramEnvironment.certificateNames(settings.text("names"))
        policy = try GatewayPolicy(settings)
        readyFile = settings.text("ready.file")
        metrics = try MetricsEndpoint(settings)
    }
}

/// The gateway as one service: the viewers' server and the registry start and stop together.
struct Gateway: Service {
    private let configuration: GatewayConfiguration
    private let logger = Logger.lines("gateway")

    init(_ configuration: GatewayConfiguration) throws {
        self.configuration = configuration
    }

    func run() async throws {
        let folder = configuration.folder
        try folder.make()
        if let seed = configuration.seed {
            try folder.copyMissingFiles(from: seed, and: ["\(folder.tls)/\(TLSIdentity.selfSignedFileName)"])
        }
        let identity = try identity()
        let tls = try ViewerServer.tlsContext(identity, web: configuration.isWebOn)
        let users = try UserStore(path: folder.users)
        let audit = try AuditLog(path: folder.auditLog, refusalsPath: folder.refusalLog, logger: logger)
        let authenticator = try Authenticator(users: users, audit: audit, logger: logger)
        let sessions = configuration.isWebOn ? try SessionStore(users: users, logger: logger) : nil
        let loop = MeshLoop(name: "gateway")
        let watch = LoopWatchdog.shared.watch("gateway") { loop.post($0) }
        defer {
            watch.end()
            loop.stop()
        }
        let (service, endpoint) = try await startRegistry(loop)
        let server = ViewerServer(
            configuration: configuration.server, tls: tls, users: users, authenticator: authenticator,
            sessions: sessions, audit: audit, hub: service, relay: service.relay, logger: logger)
        let address = try await server.start()
        await service.publish(to: server)
        try writeReadyFile(address, endpoint, identity)
        logger.info(
            "ready",
            metadata: [
                "viewers": "\(Self.hostPort(address))", "services": "\(endpoint)",
                "certificate": "\(identity.fingerprint)", "key": "\(identity.keyFingerprint)",
            ])
        let reloading = Task { [configuration, logger] in
            guard let files = configuration.certificate else { return }
            await CertificateReloader(files, fingerprint: identity.fingerprint, logger: logger).run { identity in
                server.replaceCertificate(with: try ViewerServer.tlsContext(identity, web: configuration.isWebOn))
                try writeReadyFile(address, endpoint, identity)
            }
        }
        defer { reloading.cancel() }
        try await serveMetrics(service)
        await server.stop()
        await service.stop()
        sessions?.flush()
        audit.flush()
    }

    /// Serves metrics, if configured, until the gateway is shut down or cancelled.
    private func serveMetrics(_ service: GatewayService) async throws {
        guard let endpoint = configuration.metrics else {
            try? await gracefulShutdown()
            return
        }
        try await MetricsServer(endpoint) { await service.metrics() }.run()
    }

    private func startRegistry(_ loop: MeshLoop) async throws -> (GatewayService, String) {
        let configuration = configuration
        let logger = logger
        return try await withCheckedThrowingContinuation { continuation in
            loop.post {
                continuation.resume(
                    with: Result {
                        try GatewayService.start(
                            configuration.folder, listen: configuration.listen, policy: configuration.policy,
                            loop: loop, logger: logger)
                    })
            }
        }
    }

    private func identity() throws -> TLSIdentity {
        guard let certificate = configuration.certificate else {
            return try TLSIdentity.loadOrCreate(
                directory: configuration.folder.tls, hostNames: configuration.names)
        }
        return try CertificateReloader.load(certificate, logger: logger)
    }

    private static func hostPort(_ address: SocketAddress) -> HostPort {
        HostPort(host: address.ipAddress ?? "localhost", port: UInt16(address.port ?? 0))
    }

    /// Writes the chosen ports and the certificate's fingerprints as `NAME=VALUE` lines, for the process that started the
    /// gateway.
    private func writeReadyFile(
        _ address: SocketAddress, _ endpoint: String, _ identity: TLSIdentity
    ) throws {
        guard let path = configuration.readyFile else { return }
        let text = """
            viewers=\(Self.hostPort(address))
            registry=\(endpoint)
            fingerprint=\(identity.fingerprint)
            key=\(identity.keyFingerprint)

            """
        try SecretFile.write(text, to: path)
    }
}
