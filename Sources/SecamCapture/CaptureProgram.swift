public import ArgumentParser
internal import Logging
import SecamConfig
import SecamMesh
import SecamWire
import ServiceLifecycle

/// `secam-capture`: one camera.
public struct CaptureProgram: AsyncParsableCommand {
    public static let configuration = CommandConfiguration(
        commandName: "secam-capture", abstract: "Makes one camera available to the other services.",
        version: softwareVersion)

    @Option(help: "v4l2:/dev/videoN, file:PATH[?fps=N], rtsp://…, http(s)://… or test:WxH@FPS. (SECAM_SOURCE)")
    var source: String?
    @Option(help: "Join file with address, name and keys. (SECAM_JOIN)")
    var join: String?
    @Option(help: "Registry instead of the join file's, as tcp://host:port. (SECAM_REGISTRY)")
    var registry: String?
    @Option(
        help: """
            Where to be reached by the others. (SECAM_LISTEN; default: any free port, on the loopback when the registry \
            is there)
            """)
    var listen: String?
    @Option(help: "Address that the others are told, behind a translated one. (SECAM_ADVERTISE; default: --listen's)")
    var advertise: String?
    @Option(help: "Picture size of a webcam. (SECAM_SIZE; default: 1280x720 or the nearest)")
    var size: String?
    @Option(help: "Frames a second of a webcam. (SECAM_FPS; default: 30 or the nearest)")
    var fps: String?
    @Option(help: "A webcam's controls, as brightness=10,gain=3. (SECAM_CONTROLS; default: as they are)")
    var controls: String?
    @Flag(help: "End when standard input does, as `secam up` wants it.")
    var withParent = false

    public init() {}

    public func run() async throws {
        let settings = Settings(
            commandLine: [
                "source": source, "join": join, "registry": registry, "listen": listen, "advertise": advertise,
                "size": size, "fps": fps, "controls": controls,
            ].compactMapValues { $0 }, environment: ProgramEnvironment.variables)
        await ServiceProcess.main("secam-capture", withParent: withParent) {
            try CaptureProgram.makeService(CaptureConfiguration(settings))
        }
    }

    /// The service, from its configuration to everything it consists of.
    static func makeService(_ configuration: CaptureConfiguration) throws -> any Service {
        let identity = try Identity.read(configuration.join, registry: configuration.registry, role: .capture)
        let name = try identity.name(instance: "")
        let logger = Logger.lines("capture/\(name)")
        return LoopService(name: "capture") { loop in
            let camera = try CameraService.start(
                configuration, identity: identity, name: name, loop: loop, logger: logger)
            return {
                await camera.stop()
                await camera.waitUntilStopped()
            }
        }
    }
}
