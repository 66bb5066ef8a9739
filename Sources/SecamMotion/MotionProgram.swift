package import ArgumentParser
import Logging
import SecamMesh
import SecamMetrics
import SecamProcess
import SecamWire
import ServiceLifecycle

/// `secam-motion`: looks for motion in the luma maps of the cameras that the registry gives it.
package struct MotionProgram: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "secam-motion",
        abstract: "Looks for motion before cameras and tells them; start as many as are needed.",
        version: softwareVersion)

    @OptionGroup var member: MemberOptions
    @OptionGroup var service: ServiceOptions

    package init() {}

    package func run() async throws {
        await ServiceProcess.main("secam-motion", service) {
            try MotionConfiguration(member.settings(["metrics": service.metrics]))
        } make: {
            [MotionProgram.makeService($0)] + MetricsServer.services($0.metrics, .motion, $0.name)
        }
    }

    /// The service, from its settings to everything it consists of.
    static func makeService(_ configuration: MotionConfiguration) -> any Service {
        let logger = Logger.lines("motion/\(configuration.name)")
        return LoopService(name: "motion") { loop, _ in
            let service = try MotionService.start(
                identity: configuration.identity, name: configuration.name, loop: loop, logger: logger)
            return { await service.stop() }
        }
    }
}

/// The settings of one motion service.
struct MotionConfiguration: Sendable {
    let identity: Identity
    let metrics: MetricsEndpoint?
    let name: Name

    init(_ settings: Settings) throws {
        let join = try settings.required("join", "the join file that the registry's operator made for motion")
        identity = try Identity.read(join, registry: settings.text("registry"), role: .motion)
        name = try identity.name(instance: ProgramEnvironment.instanceName)
        metrics = try MetricsEndpoint(settings)
    }
}
