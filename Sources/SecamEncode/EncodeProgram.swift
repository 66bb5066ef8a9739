package import ArgumentParser
import Logging
import SecamMesh
import SecamMetrics
import SecamProcess
import SecamWire
import ServiceLifecycle

/// `secam-encode`: a worker of the encoding pool.
package struct EncodeProgram: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "secam-encode",
        abstract: "Makes JPEGs, small JPEGs and luma maps for all cameras; start as many as are needed.",
        version: softwareVersion)

    @OptionGroup var member: MemberOptions
    @Option(help: "Pictures that are worked on at once. (SECAM_THREADS; default: one for each core)")
    var threads: String?
    @Option(
        help: """
            Where its camera is reached, as tcp://host:port, for an encoder that works for one alone. (SECAM_CAMERA; \
            default: what the registry says)
            """)
    var camera: String?
    @OptionGroup var service: ServiceOptions

    package init() {}

    package func run() async throws {
        await ServiceProcess.main("secam-encode", service) {
            try EncodeConfiguration(
                member.settings(["threads": threads, "camera": camera, "metrics": service.metrics]))
        } make: {
            [EncodeProgram.makeService($0)] + MetricsServer.services($0.metrics, .encode, $0.name)
        }
    }

    /// The service, from its settings to everything it consists of.
    static func makeService(_ configuration: EncodeConfiguration) -> any Service {
        let logger = Logger.lines("encode/\(configuration.name)")
        return LoopService(name: "encode") { loop, _ in
            let service = try EncodeService.start(
                identity: configuration.identity, name: configuration.name, threads: configuration.threads,
                camera: configuration.camera, loop: loop, logger: logger)
            return { await service.stop() }
        }
    }
}

/// The settings of one encoder.
struct EncodeConfiguration: Sendable {
    let threads: Int
    /// Where its camera is reached; `nil` for what the registry says.
    let camera: String?
    let identity: Identity
    let metrics: MetricsEndpoint?
    let name: Name

    init(_ settings: Settings) throws {
        threads = try settings.integer("threads", in: 1...256, default: ProgramEnvironment.processors)
        camera = settings.text("camera")
        let join = try settings.required("join", "the join file that the registry's operator made for the encoders")
        identity = try Identity.read(join, registry: settings.text("registry"), role: .encode)
        name = try identity.name(instance: ProgramEnvironment.instanceName)
        metrics = try MetricsEndpoint(settings)
    }
}
