package import ArgumentParser
import Logging
import NIOCore
import SecamMesh
import SecamProcess
import SecamUsers
import SecamWire
import ServiceLifecycle

/// `secam-gateway`: lets services join and viewers watch.
package struct GatewayProgram: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "secam-gateway", abstract: "Lets services join and viewers watch.", version: softwareVersion)

    @Option(help: "Folder with keys, users and certificate. (SECAM_DATA)")
    var data: String?
    @Option(
        help: """
            Folder with gateway.key, allowed, users.sqlite and others of a folder that secam init made, without its \
            subfolders, as secrets of an orchestrator: what is missing in --data begins as there. (SECAM_SEED)
            """)
    var seed: String?
    @Option(help: "Address for viewers. (SECAM_HOST; default: ::, every address)")
    var host: String?
    @Option(help: "Port for viewers, 0 for any free one. (SECAM_PORT; default: 7443)")
    var port: String?
    @Option(help: "Where services join. (SECAM_LISTEN; default: tcp://127.0.0.1:7444)")
    var listen: String?
    @Option(help: "Certificate chain, PEM. (SECAM_CERTIFICATE; default: self-signed, kept in the data folder)")
    var certificate: String?
    @Option(help: "Private key of the certificate, PEM. (SECAM_KEY)")
    var key: String?
    @Option(help: "Names for a self-signed certificate, with commas. (SECAM_NAMES; default: localhost and this host)")
    var names: String?
    @Option(help: "JPEG quality, 1 to 100. (SECAM_QUALITY; default: 80)")
    var quality: String?
    @Option(help: "Widest picture of the sub rendition. (SECAM_SUB_WIDTH; default: 640)")
    var subWidth: String?
    @Option(help: "How long cameras remember, seconds. (SECAM_RING_SECONDS; default: 30)")
    var ringSeconds: String?
    @Option(help: "How much cameras remember, MiB. (SECAM_RING_MEGABYTES; default: 64)")
    var ringMegabytes: String?
    @Option(help: "Whether motion is looked for where the policy does not say, on or off. (SECAM_MOTION; default: on)")
    var motion: String?
    @Option(
        help: """
            How cameras are recorded where the policy does not say: off, motion, continuous, both. (SECAM_RECORD; \
            default: off)
            """)
    var record: String?
    @Option(help: "Viewers' connections at once. (SECAM_CONNECTIONS; default: 1024)")
    var connections: String?
    @Option(help: "Viewers' connections from one address. (SECAM_CONNECTIONS_PER_ADDRESS; default: 64)")
    var connectionsPerAddress: String?
    @Option(help: "Viewers' connections of one user. (SECAM_CONNECTIONS_PER_USER; default: 32)")
    var connectionsPerUser: String?
    @Option(help: "Threads that serve viewers. (SECAM_THREADS; default: 2)")
    var threads: String?
    @Option(help: "Written when viewers and services can come. (SECAM_READY_FILE)")
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
                "threads": threads, "ready.file": readyFile, "metrics": service.metrics,
            ].compactMapValues { $0 }, environment: ProgramEnvironment.variables)
        await ServiceProcess.main("secam-gateway", service) {
            try GatewayConfiguration(settings)
        } make: {
            [try Gateway($0)]
        }
    }
}
