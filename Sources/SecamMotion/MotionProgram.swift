package import ArgumentParser
import Logging
import SecamBase
import SecamMesh
import SecamMetrics
import SecamProcess
import SecamWire
import ServiceLifecycle

/// `secam-motion`: detects motion in the luma maps of the cameras that the registry assigns to it.
package struct MotionProgram: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "secam-motion",
        abstract: "Detect motion and report it to the cameras; run as many replicas as needed.",
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

    /// Builds the service from its settings.
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
        let join = try settings.required("join", "a join file; create one with: secam keys invite")
        identity = try Identity.read(join, registry: settings.text("registry"), role: .motion)
        name = try identity.name(instance: ProgramEnvironment.instanceName)
        metrics = try MetricsEndpoint(settings)
    }
}
