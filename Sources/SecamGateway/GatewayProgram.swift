package import ArgumentParser
import Logging
import NIOCore
import SecamBase
import SecamMesh
import SecamProcess
import SecamUsers
import SecamWire
import ServiceLifecycle

/// `secam-gateway`: runs the registry of services and the server for viewers.
package struct GatewayProgram: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "secam-gateway", abstract: "Run the registry of services and the server for viewers.",
        version: softwareVersion)

    @Option(help: "Data folder with keys, users and certificate. (SECAM_DATA)")
    var data: String?
    @Option(
        help: """
            Read-only folder with first versions of files that are missing in --data: gateway.key, allowed, \
            users.sqlite and others of a folder made by `secam init`, without its subfolders, such as an \
            orchestrator's secrets. (SECAM_SEED; default: none)
            """)
    var seed: String?
    @Option(help: OptionHelp.host)
    var host: String?
    @Option(help: OptionHelp.port)
    var port: String?
    @Option(help: "Address to listen at for services. (SECAM_LISTEN; default: tcp://127.0.0.1:7444)")
    var listen: String?
    @Option(help: "Certificate chain, PEM file. (SECAM_CERTIFICATE; default: self-signed, in the data folder)")
    var certificate: String?
    @Option(help: "Private key of the certificate, PEM file. (SECAM_KEY)")
    var key: String?
    @Option(
        help: """
            Host names in the self-signed certificate, comma-separated. (SECAM_NAMES; default: localhost and this host)
            """)
    var names: String?
    @Option(help: "JPEG quality, 1 to 100. (SECAM_QUALITY; default: 80)")
    var quality: String?
    @Option(help: "Maximum width of the sub rendition, pixels. (SECAM_SUB_WIDTH; default: 640)")
    var subWidth: String?
    @Option(help: OptionHelp.ringSeconds)
    var ringSeconds: String?
    @Option(help: OptionHelp.ringMegabytes)
    var ringMegabytes: String?
    @Option(help: "Motion detection of cameras without a setting in the policy: on or off. (SECAM_MOTION; default: on)")
    var motion: String?
    @Option(help: OptionHelp.record)
    var record: String?
    @Option(help: "Maximum viewer connections. (SECAM_CONNECTIONS; default: 1024)")
    var connections: String?
    @Option(help: OptionHelp.connectionsPerAddress)
    var connectionsPerAddress: String?
    @Option(help: OptionHelp.connectionsPerUser)
    var connectionsPerUser: String?
    @Option(
        help: "Web page and HTTP interface on the port for viewers: on or off. (SECAM_WEB; default: on)")
    var web: String?
    @Option(
        help: """
            Addresses of HTTP proxies, comma-separated, whose X-Forwarded-For names the client for the audit log and \
            the limits on logins. (SECAM_TRUSTED_PROXIES; default: none)
            """)
    var trustedProxies: String?
    @Option(help: "Threads that serve viewers, 1 to 64. (SECAM_THREADS; default: 2)")
    var threads: String?
    @Option(help: "File written once viewers and services can connect. (SECAM_READY_FILE; default: none)")
    var readyFile: String?
    @OptionGroup var service: ServiceOptions

    package init() {}

    package func run() async throws {
        let settings = Settings(
            commandLine: [
                "data": data, "seed": seed, "host": host, "port": port, "listen": listen, "certificate": certificate,
                "key": key,
                "names": names, "quality": quality, "sub.width": subWidth, "ring.seconds": ringSeconds,
                "ring.megabytes": ringMegabytes, "motion": motion, "record": record, "connections": connections,
                "connections.per.address": connectionsPerAddress, "connections.per.user": connectionsPerUser,
                "web": web, "trusted.proxies": trustedProxies, "threads": threads, "ready.file": readyFile,
                "metrics": service.metrics,
            ].compactMapValues { $0 }, environment: ProgramEnvironment.variables)
        await ServiceProcess.main("secam-gateway", service) {
            try GatewayConfiguration(settings)
        } make: {
            [try Gateway($0)]
        }
    }
}
