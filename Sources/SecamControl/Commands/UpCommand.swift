import ArgumentParser
import Glibc
import Logging
import SecamBase
import SecamMesh
import SecamMetrics
import SecamProcess
import SecamRegistry
import SecamUsers
import SecamV4L2
import SecamWire
import ServiceLifecycle

/// `secam up`: runs the whole set on this machine.
struct UpCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "up", abstract: "Run all services on this machine until Ctrl-C.",
        discussion: """
            Without --camera, each webcam becomes a camera; without webcams, a test picture becomes the camera demo. The \
            first start creates keys, a certificate and the user admin with a random password.
            """)

    @OptionGroup var data: DataOption
    @Option(
        name: .customLong("camera"), help: "Camera, NAME=SOURCE; for sources, see secam-capture --help. Repeatable.")
    var cameras: [String] = []
    @Option(
        help: """
            File with the cameras' logins, in lines NAME=USER:PASSWORD; other users could read them from a command line. \
            (SECAM_CAMERA_CREDENTIALS_FILE)
            """)
    var cameraCredentialsFile: String?
    @Option(help: OptionHelp.host)
    var host: String?
    @Option(help: OptionHelp.port)
    var port: String?
    @Option(help: "Address to listen at for services. (SECAM_LISTEN; default: tcp://127.0.0.1:*, any free port)")
    var listen: String?
    @Option(help: "Certificate chain, PEM file. (SECAM_CERTIFICATE; default: self-signed, kept in the data folder)")
    var certificate: String?
    @Option(help: "Private key of the certificate, PEM file. (SECAM_KEY)")
    var key: String?
    @Option(help: "Number of encoding processes. (SECAM_ENCODERS; default: 1, which uses all cores)")
    var encoders: String?
    @Option(help: "Number of motion detection processes, 0 for no motion detection. (SECAM_MOTION; default: 1)")
    var motion: String?
    @Option(help: OptionHelp.record)
    var record: String?
    @Option(help: "Number of recording processes. (SECAM_ARCHIVES; default: 1)")
    var archives: String?
    @Option(help: "Folder of the recordings. (SECAM_RECORDINGS; default: recordings in the data folder)")
    var recordings: String?
    @Option(
        help: "Maximum size of all recordings, MiB. (SECAM_MAX_MEGABYTES; default: limited by free disk space)")
    var maxMegabytes: String?
    @Option(help: OptionHelp.keepAtLeast)
    var keepAtLeast: String?
    @Option(help: OptionHelp.freeMegabytes)
    var freeMegabytes: String?
    @Option(help: "Web page and HTTP interface on the port for viewers: on or off. (SECAM_WEB; default: on)")
    var web: String?
    @Option(
        help: """
            Addresses of HTTP proxies, comma-separated, whose X-Forwarded-For names the client. (SECAM_TRUSTED_PROXIES; \
            default: none)
            """)
    var trustedProxies: String?
    @Option(help: "JPEG quality, 1 to 100. (SECAM_QUALITY; default: 80)")
    var quality: String?
    @Option(help: OptionHelp.connectionsPerAddress)
    var connectionsPerAddress: String?
    @Option(help: OptionHelp.connectionsPerUser)
    var connectionsPerUser: String?
    @Option(help: OptionHelp.ringSeconds)
    var ringSeconds: String?
    @Option(help: OptionHelp.ringMegabytes)
    var ringMegabytes: String?
    @Option(
        help: "Folder for the encrypted spool of frames while no archive is connected. (SECAM_SPOOL; default: none)")
    var spool: String?
    @Option(help: OptionHelp.spoolMegabytes)
    var spoolMegabytes: String?
    @Option(help: "Picture size of webcams, pixels. (SECAM_SIZE; default: 1280x720 or the nearest)")
    var size: String?
    @Option(
        help: """
            Frames per second of webcams, and of single pictures over HTTP. (SECAM_FPS; default: 30 or the nearest for \
            webcams, 1 for single pictures)
            """)
    var fps: String?
    @Option(
        help: """
            Time without a picture after which a camera is offline, seconds. (SECAM_FRAME_TIMEOUT; default: 5 for webcams, \
            10 for streams)
            """)
    var frameTimeout: String?
    @Flag(help: "Pass on JPEGs that are truncated or damaged, but can be shown. (SECAM_PASS_DAMAGED)")
    var passDamaged = false
    @Option(
        help: """
            Address of the Prometheus endpoint GET /metrics for all services, such as 127.0.0.1:9464. (SECAM_METRICS; \
            default: none)
            """)
    var metrics: String?
    @Option(help: "JSON file to write when all services are running. (SECAM_READY_FILE)")
    var readyFile: String?

    @OptionGroup var log: LogOptions

    func run() async throws {
        await ServiceProcess.main("secam up", nil, log: log, configure: {}) { try makeServices() }
    }

    private func makeServices() throws -> [any Service] {
        let settings = Settings(
            commandLine: [
                "host": host, "port": port, "listen": listen, "encoders": encoders, "motion": motion, "record": record,
                "archives": archives, "recordings": recordings, "max.megabytes": maxMegabytes,
                "free.megabytes": freeMegabytes, "keep.at.least": keepAtLeast,
                "quality": quality, "size": size, "web": web, "trusted.proxies": trustedProxies,
                "connections.per.address": connectionsPerAddress, "connections.per.user": connectionsPerUser,
                "ring.seconds": ringSeconds, "ring.megabytes": ringMegabytes, "spool": spool,
                "spool.megabytes": spoolMegabytes,
                "fps": fps, "frame.timeout": frameTimeout, "pass.damaged": passDamaged ? "true" : nil,
                "ready.file": readyFile,
                "certificate": certificate, "key": key, "metrics": metrics,
                "camera.credentials.file": cameraCredentialsFile,
            ].compactMapValues { $0 }, environment: ProgramEnvironment.variables)
        let logger = Logger.lines("up")
        let folder = data.folder
        try folder.make()
        let lock = try FolderLock(folder)
        var plan = ServiceSetPlan(
            folder: folder, programs: SiblingPrograms.folder, host: settings.text("host") ?? "::",
            port: try settings.integer("port", in: 0...65535, default: 7443),
            listen: settings.text("listen") ?? "tcp://127.0.0.1:*", cameras: try cameraPlans(settings, logger),
            encoders: try settings.integer("encoders", in: 1...64, default: 1),
            motion: try settings.integer("motion", in: 0...64, default: 1))
        plan.isDebuggable = ProcessProtection.isOff
        plan.serviceArguments = (log.logLevel ?? settings.text("log.level")).map { ["--log-level", $0] } ?? []
        // Archives run even without --record: the policy may turn recording on, and there may be earlier recordings.
        plan.archives = try settings.integer("archives", in: 0...64, default: 1)
        plan.archiveArguments = ["--recordings", settings.text("recordings") ?? "\(folder.path)/recordings"]
        for (key, option) in [
            ("max.megabytes", "--max-megabytes"), ("free.megabytes", "--free-megabytes"),
            ("keep.at.least", "--keep-at-least"),
        ] {
            if let value = settings.text(key) { plan.archiveArguments += [option, value] }
        }
        for (key, option) in [
            ("quality", "--quality"), ("record", "--record"), ("connections.per.address", "--connections-per-address"),
            ("connections.per.user", "--connections-per-user"), ("ring.seconds", "--ring-seconds"),
            ("ring.megabytes", "--ring-megabytes"),
            ("certificate", "--certificate"), ("key", "--key"), ("web", "--web"),
            ("trusted.proxies", "--trusted-proxies"),
        ] {
            if let value = settings.text(key) { plan.gatewayArguments += [option, value] }
        }
        let metrics = try MetricsEndpoint(settings)
        let set = try ServiceSet(plan, logger: logger)
        let up = UpService(
            set: set, lock: lock, folder: folder, cameras: plan.cameras.map(\.name),
            isWebOn: try settings.flag("web", default: true), isSelfSigned: settings.text("certificate") == nil,
            readyFile: settings.text("ready.file"))
        return [up] + (metrics.map { [MetricsServer($0) { await set.metrics() }] } ?? [])
    }

    private func cameraPlans(_ settings: Settings, _ logger: Logger) throws -> [ServiceSetPlan.CameraPlan] {
        var plans: [ServiceSetPlan.CameraPlan] = []
        var options: [String] = []
        for (key, option) in [
            ("size", "--size"), ("fps", "--fps"), ("frame.timeout", "--frame-timeout"), ("spool", "--spool"),
            ("spool.megabytes", "--spool-megabytes"),
        ] {
            if let value = settings.text(key) { options += [option, value] }
        }
        if try settings.flag("pass.damaged", default: false) { options.append("--pass-damaged") }
        let logins = try settings.text("camera.credentials.file").map { try CameraLogins(path: $0) }
        for camera in cameras {
            guard let equals = camera.firstIndex(of: "=") else {
                throw CommandError(
                    "--camera '\(SecretURL(camera))': expected NAME=SOURCE, such as porch=v4l2:/dev/video0")
            }
            let name = try CameraName.check(String(camera[..<equals]))
            guard !plans.contains(where: { $0.name == name }) else {
                throw CommandError("two cameras are called '\(name)'; give one of them another name")
            }
            let source = String(camera[camera.index(after: equals)...])
            if SecretURL(source).holdsSecret, CommandLineSecrets.erase(source) {
                logger.warning(
                    "camera login given on the command line",
                    metadata: ["camera": "\(name)", "remedy": "use --camera-credentials-file"])
            }
            plans.append(
                ServiceSetPlan.CameraPlan(name: name, source: source, arguments: options, login: logins?[name]))
        }
        try logins?.requireCameras(plans.map(\.name))
        guard plans.isEmpty else { return plans }
        for device in V4L2Devices.list() {
            let name = try CameraName.check("video\(device.number)")
            plans.append(
                ServiceSetPlan.CameraPlan(
                    name: name, source: "v4l2:\(device.stablePath ?? device.path)", arguments: options))
        }
        if plans.isEmpty {
            plans.append(
                ServiceSetPlan.CameraPlan(
                    name: try CameraName.check("demo"), source: "test:1280x720@30", arguments: options))
        }
        return plans
    }
}

/// The running set, with its messages to the user and its ready file.
private struct UpService: Service {
    let set: ServiceSet
    let lock: FolderLock
    let folder: DataFolder
    let cameras: [Name]
    let isWebOn: Bool
    let isSelfSigned: Bool
    let readyFile: String?

    func run() async throws {
        let address = AddressBox()
        // Left by an earlier run that was killed.
        if let readyFile { _ = unsafe unlink(readyFile) }
        try await cancelWhenGracefulShutdown {
            do {
                try await set.run(
                    onReady: { reached in
                        address.set(reached)
                        // Created only now, so that a failed start does not create a password without showing it.
                        let password = try FirstAdmin.make(in: folder)
                        announce(reached, password, isRecording: !set.hasFailed("archive"))
                        try writeReadyFile(reached)
                    },
                    onRestart: {
                        if let reached = address.get() { try? writeReadyFile(reached) }
                    })
            } catch is CancellationError {
                // The normal end of `secam up`.
            }
        }
        if let readyFile { _ = unsafe unlink(readyFile) }
        lock.release()
    }

    private func writeReadyFile(_ address: ServiceSetAddress) throws {
        guard let readyFile else { return }
        let services = set.services.map { service in
            JSONText.object([
                "role": JSONText.string(service.role), "name": JSONText.string(service.name),
                "pid": "\(service.process)",
            ])
        }
        let text = JSONText.object([
            "address": JSONText.string(address.local), "fingerprint": JSONText.string(address.fingerprint),
            "key": JSONText.string(address.key),
            "services": JSONText.array(services),
        ])
        try SecretFile.write(text + "\n", to: readyFile)
    }

    /// - Parameters:
    ///   - password: the password of a new admin.
    ///   - isRecording: false when the archive cannot run.
    private func announce(_ address: ServiceSetAddress, _ password: String?, isRecording: Bool) {
        let port = address.local.split(separator: ":").last ?? ""
        var text = "\nsecam is up at \(address.local), for other machines at \(ProgramEnvironment.hostName):\(port)\n"
        text += "  cameras      \(cameras.map(\.text).joined(separator: ", "))\n"
        text += "  certificate  SHA256 \(address.fingerprint)\n  its key      \(address.key)\n"
        if let password {
            text += "  user         admin\n  password     \(password)   (shown once; change: secam user passwd admin)\n"
        }
        if !isRecording { text += "  recording    unavailable; see the message above\n" }
        let first = cameras.first.map { ShellText.quoted($0.text) } ?? ""
        let view = "\(SiblingPrograms.shown)secam-view live \(first) --server \(address.local) --username admin"
        text += "Watch:\n  \(view)\n"
        if isWebOn {
            text += "In a browser:\n  https://\(address.local)/\n"
            if isSelfSigned {
                text += """
                      The browser warns once, because the certificate is self-signed: no authority vouches for it. Compare \
                    its
                      SHA-256 fingerprint with the one above. docker/README.md#certificates shows how to avoid the warning.

                    """
            }
        }
        StandardOutput.print(text + "\n")
    }
}
