public import ArgumentParser
internal import Logging
import SecamConfig
import SecamMesh
import SecamRecording
import SecamWire
import ServiceLifecycle

/// `secam-archive`: records the cameras that the registry gives it, and shows what it has.
public struct ArchiveProgram: AsyncParsableCommand {
    public static let configuration = CommandConfiguration(
        commandName: "secam-archive",
        abstract: "Records cameras and answers for what it has; start as many as are needed, on one volume or several.",
        version: softwareVersion)

    @Option(help: "Folder of the recordings; archives that share it answer for each other. (SECAM_RECORDINGS)")
    var recordings: String?
    @Option(help: "Join file with address, name and keys. (SECAM_JOIN)")
    var join: String?
    @Option(help: "Registry instead of the join file's, as tcp://host:port. (SECAM_REGISTRY)")
    var registry: String?
    @Option(
        help: """
            Where the gateway reaches it. (SECAM_LISTEN; default: any free port, on the loopback when the registry is \
            there)
            """)
    var listen: String?
    @Option(help: "Address that the gateway is told, behind a translated one. (SECAM_ADVERTISE; default: --listen's)")
    var advertise: String?
    @Option(help: "Most that all recordings take, MiB. (SECAM_MAX_MEGABYTES; default: what the disk bears)")
    var maxMegabytes: String?
    @Option(help: "What stays free on the disk, MiB. (SECAM_FREE_MEGABYTES; default: 1024)")
    var freeMegabytes: String?
    @Flag(help: "End when standard input does, as `secam up` wants it.")
    var withParent = false

    public init() {}

    public func run() async throws {
        let settings = Settings(
            commandLine: [
                "recordings": recordings, "join": join, "registry": registry, "listen": listen, "advertise": advertise,
                "max.megabytes": maxMegabytes, "free.megabytes": freeMegabytes,
            ].compactMapValues { $0 }, environment: ProgramEnvironment.variables)
        await ServiceProcess.main("secam-archive", withParent: withParent) {
            try ArchiveProgram.makeService(settings)
        }
    }

    /// The service, from its settings to everything it consists of.
    static func makeService(_ settings: Settings) throws -> any Service {
        let folder = RecordingFolder(try settings.required("recordings", "the folder that recordings are written to"))
        let join = try settings.required("join", "the join file that the registry's operator made for archives")
        let identity = try Identity.read(join, registry: settings.text("registry"), role: .archive)
        let name = try identity.name(instance: ProgramEnvironment.instanceName)
        let logger = Logger.lines("archive/\(name)")
        let most = try settings.text("max.megabytes").map { _ in
            UInt64(try settings.integer("max.megabytes", in: 16...1 << 40, default: 0)) << 20
        }
        let free = UInt64(try settings.integer("free.megabytes", in: 0...1 << 40, default: 1024)) << 20
        let lock = try VolumeLock(folder, isAlone: false)
        let index = try RecordingIndex(folder)
        let vault = Vault.Plan(
            index: index, writer: name.text, limits: VaultLimits(bytes: most, free: free), logger: logger,
            lock: lock)
        let listen = settings.text("listen") ?? identity.suitableListen
        let advertised = settings.text("advertise")
        return LoopService(name: "archive") { loop in
            let service = try ArchiveService.start(
                identity: identity, name: name, listen: listen, advertised: advertised, vault: vault, loop: loop,
                logger: logger)
            return {
                await service.stop()
                await service.waitUntilStopped()
            }
        }
    }
}
