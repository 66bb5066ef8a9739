package import ArgumentParser
import Logging
import SecamBase
import SecamMesh
import SecamMetrics
import SecamProcess
import SecamWire
import ServiceLifecycle

/// `secam-encode`: one worker of the encoder pool.
package struct EncodeProgram: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "secam-encode",
        abstract: "Make JPEGs, small JPEGs and luma maps for all cameras; run as many replicas as needed.",
        version: softwareVersion)

    @OptionGroup var member: MemberOptions
    @Option(help: "Maximum number of pictures encoded at once. (SECAM_THREADS; default: one per core)")
    var threads: String?
    @Option(
        help: """
            Address at which a dedicated encoder reaches its camera, such as tcp://host:port. (SECAM_CAMERA; default: the \
            address known to the registry)
            """)
    var camera: String?
    @Option(
        help: """
            Folder of the sockets by which cameras and encoders of one machine share raw pictures, instead of encrypting \
            them. (SECAM_SHARE; default: none)
            """)
    var share: String?
    @OptionGroup var service: ServiceOptions

    package init() {}

    package func run() async throws {
        await ServiceProcess.main("secam-encode", service) {
            try EncodeConfiguration(
                member.settings(["threads": threads, "camera": camera, "share": share, "metrics": service.metrics]))
        } make: {
            [EncodeProgram.makeService($0)] + MetricsServer.services($0.metrics, .encode, $0.name)
        }
    }

    /// Builds the service from its settings.
    static func makeService(_ configuration: EncodeConfiguration) -> any Service {
        let logger = Logger.lines("encode/\(configuration.name)")
        return LoopService(name: "encode") { loop, _ in
            let service = try EncodeService.start(
                identity: configuration.identity, name: configuration.name, threads: configuration.threads,
                camera: configuration.camera, share: configuration.share, loop: loop, logger: logger)
            return { await service.stop() }
        }
    }
}

/// The settings of one encoder.
struct EncodeConfiguration: Sendable {
    let threads: Int
    /// The address of a dedicated encoder's camera; `nil` for the address known to the registry.
    let camera: String?
    /// The folder of the sockets for shared memory; `nil` for none.
    let share: String?
    let identity: Identity
    let metrics: MetricsEndpoint?
    let name: Name

    init(_ settings: Settings) throws {
        threads = try settings.integer("threads", in: 1...256, default: ProgramEnvironment.processors)
        camera = settings.text("camera")
        share = settings.text("share")
        let join = try settings.required("join", "a join file; create one with: secam keys invite")
        identity = try Identity.read(join, registry: settings.text("registry"), role: .encode)
        name = try identity.name(instance: ProgramEnvironment.instanceName)
        metrics = try MetricsEndpoint(settings)
    }
}
