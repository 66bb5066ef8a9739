package import ArgumentParser
import Logging
import SecamBase
import SecamMesh
import SecamMetrics
import SecamProcess
import SecamWire
import ServiceLifecycle

/// `secam-capture`: one camera.
package struct CaptureProgram: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "secam-capture", abstract: "Make one camera available to the other services.",
        version: softwareVersion)

    @Option(
        help: """
            Source of the pictures: v4l2:/dev/videoN, file:PATH[?fps=N], rtsp://…, http(s)://… or test:WxH@FPS. \
            (SECAM_SOURCE)
            """)
    var source: String?
    @Option(
        help: """
            File with the line USER:PASSWORD for the source, without percent-encoding. (SECAM_CREDENTIALS_FILE, or \
            the line itself in SECAM_CREDENTIALS)
            """)
    var credentialsFile: String?
    @OptionGroup var member: MemberOptions
    @OptionGroup var listening: ListenOptions
    @Option(help: "Picture size of a webcam, pixels. (SECAM_SIZE; default: 1280x720 or the nearest)")
    var size: String?
    @Option(
        help: """
            Frames per second of a webcam, or of single pictures over HTTP. (SECAM_FPS; default: 30 or the nearest for a \
            webcam, 1 for single pictures)
            """)
    var fps: String?
    @Option(help: "Controls of a webcam, such as brightness=10,gain=3. (SECAM_CONTROLS; default: unchanged)")
    var controls: String?
    @Option(
        help: """
            Time without a picture after which the camera is offline, seconds. (SECAM_FRAME_TIMEOUT; default: 5 for a \
            webcam, 10 for a stream)
            """)
    var frameTimeout: String?
    @Flag(help: "Pass on JPEGs that are truncated or damaged, but can be shown. (SECAM_PASS_DAMAGED)")
    var passDamaged = false
    @Option(
        help: "Folder for the encrypted spool of frames while no archive is connected. (SECAM_SPOOL; default: none)")
    var spool: String?
    @Option(help: OptionHelp.spoolMegabytes)
    var spoolMegabytes: String?
    @Option(
        help: """
            Folder of the sockets by which cameras and encoders of one machine share raw pictures, instead of encrypting \
            them. (SECAM_SHARE; default: none)
            """)
    var share: String?
    @OptionGroup var service: ServiceOptions

    package init() {}

    package func run() async throws {
        let own = [
            "source": source, "credentials.file": credentialsFile, "size": size, "fps": fps, "controls": controls,
            "frame.timeout": frameTimeout, "pass.damaged": passDamaged ? "true" : nil,
            "spool": spool, "spool.megabytes": spoolMegabytes, "share": share, "metrics": service.metrics,
        ]
        await ServiceProcess.main("secam-capture", service) {
            if let source, SecretURL(source).holdsSecret, CommandLineSecrets.erase(source) {
                Logger.lines("capture").warning(
                    "camera login given on the command line",
                    metadata: ["remedy": "use --credentials-file"])
            }
            let settings = member.settings(own.merging(listening.values) { own, _ in own })
            let configuration = try CaptureConfiguration(settings)
            return (configuration, try CameraIdentity(configuration), try MetricsEndpoint(settings))
        } make: { configuration, camera, metrics in
            [CaptureProgram.makeService(configuration, camera)]
                + MetricsServer.services(metrics, .capture, camera.name)
        }
    }

    /// Builds the service from its configuration.
    static func makeService(_ configuration: CaptureConfiguration, _ camera: CameraIdentity) -> any Service {
        let logger = Logger.lines("capture/\(camera.name)")
        return LoopService(name: "capture") { loop, _ in
            let camera = try CameraService.start(
                configuration, identity: camera.identity, name: camera.name, loop: loop, logger: logger)
            return {
                await camera.stop()
                await camera.waitUntilStopped()
            }
        }
    }
}

/// A camera's keys and name, from its join file.
struct CameraIdentity: Sendable {
    let identity: Identity
    let name: Name

    init(_ configuration: CaptureConfiguration) throws {
        identity = try Identity.read(configuration.join, registry: configuration.registry, role: .capture)
        name = try identity.name(instance: "")
    }
}
