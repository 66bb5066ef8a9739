public import ArgumentParser
internal import Logging
import SecamConfig
import SecamMesh
import SecamWire
import ServiceLifecycle

/// `secam-encode`: a worker of the encoding pool.
public struct EncodeProgram: AsyncParsableCommand {
    public static let configuration = CommandConfiguration(
        commandName: "secam-encode",
        abstract: "Makes JPEGs, small JPEGs and luma maps for all cameras; start as many as are needed.",
        version: softwareVersion)

    @Option(help: "Join file with address, name and keys. (SECAM_JOIN)")
    var join: String?
    @Option(help: "Registry instead of the join file's, as tcp://host:port. (SECAM_REGISTRY)")
    var registry: String?
    @Option(help: "Pictures that are worked on at once. (SECAM_THREADS; default: one for each core)")
    var threads: String?
    @Flag(help: "End when standard input does, as `secam up` wants it.")
    var withParent = false

    public init() {}

    public func run() async throws {
        let settings = Settings(
            commandLine: ["join": join, "registry": registry, "threads": threads].compactMapValues { $0 },
            environment: ProgramEnvironment.variables)
        await ServiceProcess.main("secam-encode", withParent: withParent) {
            try EncodeProgram.makeService(settings)
        }
    }

    /// The service, from its settings to everything it consists of.
    static func makeService(_ settings: Settings) throws -> any Service {
        let threads = try settings.integer("threads", in: 1...256, default: ProgramEnvironment.processors)
        let join = try settings.required("join", "the join file that the registry's operator made for the encoders")
        let identity = try Identity.read(join, registry: settings.text("registry"), role: .encode)
        let name = try identity.name(instance: ProgramEnvironment.instanceName)
        let logger = Logger.lines("encode/\(name)")
        return LoopService(name: "encode") { loop in
            let service = try EncodeService.start(
                identity: identity, name: name, threads: threads, loop: loop, logger: logger)
            return { await service.stop() }
        }
    }
}
