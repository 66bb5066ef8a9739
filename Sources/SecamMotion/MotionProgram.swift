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

    @OptionGroup var member: MemberOptions
    @OptionGroup var service: ServiceOptions

    public init() {}

    public func run() async throws {
        await ServiceProcess.main("secam-motion", service) { try MotionProgram.makeService(member.settings()) }
    }

    /// The service, from its settings to everything it consists of.
    static func makeService(_ settings: Settings) throws -> any Service {
        let join = try settings.required("join", "the join file that the registry's operator made for motion")
        let identity = try Identity.read(join, registry: settings.text("registry"), role: .motion)
        let name = try identity.name(instance: ProgramEnvironment.instanceName)
        let logger = Logger.lines("motion/\(name)")
        return LoopService(name: "motion") { loop, _ in
            let service = try MotionService.start(identity: identity, name: name, loop: loop, logger: logger)
            return { await service.stop() }
        }
    }
}
