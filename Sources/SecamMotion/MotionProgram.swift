public import ArgumentParser
internal import Logging
import SecamConfig
import SecamMesh
import SecamWire
import ServiceLifecycle

/// `secam-motion`: looks for motion in the luma maps of the cameras that the registry gives it.
public struct MotionProgram: AsyncParsableCommand {
    public static let configuration = CommandConfiguration(
        commandName: "secam-motion",
        abstract: "Looks for motion before cameras and tells them; start as many as are needed.",
        version: softwareVersion)

    @Option(help: "Join file with address, name and keys. (SECAM_JOIN)")
    var join: String?
    @Option(help: "Registry instead of the join file's, as tcp://host:port. (SECAM_REGISTRY)")
    var registry: String?
    @Flag(help: "End when standard input does, as `secam up` wants it.")
    var withParent = false

    public init() {}

    public func run() async throws {
        let settings = Settings(
            commandLine: ["join": join, "registry": registry].compactMapValues { $0 },
            environment: ProgramEnvironment.variables)
        await ServiceProcess.main("secam-motion", withParent: withParent) {
            try MotionProgram.makeService(settings)
        }
    }

    /// The service, from its settings to everything it consists of.
    static func makeService(_ settings: Settings) throws -> any Service {
        let join = try settings.required("join", "the join file that the registry's operator made for motion")
        let identity = try Identity.read(join, registry: settings.text("registry"), role: .motion)
        let name = try identity.name(instance: ProgramEnvironment.instanceName)
        let logger = Logger.lines("motion/\(name)")
        return LoopService(name: "motion") { loop in
            let service = try MotionService.start(identity: identity, name: name, loop: loop, logger: logger)
            return { await service.stop() }
        }
    }
}
