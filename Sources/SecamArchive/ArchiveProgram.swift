package import ArgumentParser
import Logging
import SecamMesh
import SecamMetrics
import SecamProcess
import SecamRecording
import SecamWire
import ServiceLifecycle

/// `secam-archive`: records the cameras that the registry gives it, and shows what it has.
package struct ArchiveProgram: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "secam-archive",
        abstract: "Records cameras and answers for what it has; start as many as are needed, on one volume or several.",
        version: softwareVersion)

    @Option(help: "Folder of the recordings; archives that share it answer for each other. (SECAM_RECORDINGS)")
    var recordings: String?
    @OptionGroup var member: MemberOptions
    @OptionGroup var place: ListenOptions
    @Option(help: "Most that all recordings take, MiB. (SECAM_MAX_MEGABYTES; default: what the disk bears)")
    var maxMegabytes: String?
    @Option(help: "What stays free on the disk, MiB. (SECAM_FREE_MEGABYTES; default: 1024)")
    var freeMegabytes: String?
    @Option(
        help: """
            How old a recording must be to be removed to make room, as 24h: without an older one recording stops and \
            says so. (SECAM_KEEP_AT_LEAST; default: 0s)
            """)
    var keepAtLeast: String?
    @OptionGroup var service: ServiceOptions

    package init() {}

    package func run() async throws {
        let own = [
            "recordings": recordings, "max.megabytes": maxMegabytes, "free.megabytes": freeMegabytes,
            "keep.at.least": keepAtLeast,
            "metrics": service.metrics,
        ]
        await ServiceProcess.main("secam-archive", service) {
            try ArchiveConfiguration(member.settings(own.merging(place.values) { own, _ in own }))
        } make: {
            [try ArchiveProgram.makeService($0)] + MetricsServer.services($0.metrics, .archive, $0.name)
        }
    }

    /// The service, from its settings to everything it consists of.
    static func makeService(_ configuration: ArchiveConfiguration) throws -> any Service {
        let (folder, identity, name) = (configuration.folder, configuration.identity, configuration.name)
        let logger = Logger.lines("archive/\(name)")
        var known = try KnownVolumes(besideJoinFile: configuration.join)
        try known.check(folder)
        let lock = try VolumeLock(folder, isAlone: false)
        let index = try RecordingIndex(folder)
        do {
            try known.remember(index)
        } catch {
            logger.info("where recordings are is not remembered", metadata: ["reason": "\(error)"])
        }
        let forgotten = try ArchiveCheck.forgotten(index)
        if forgotten > 0 {
            logger.warning(
                "the index is new, but there are recordings; 'secam archive rebuild' brings them back",
                metadata: ["recordings": "\(forgotten)", "folder": "\(folder.path)"])
        }
        let vault = RecordingStore.Plan(
            index: index, writer: name.text, limits: configuration.limits, logger: logger, lock: lock)
        return LoopService(name: "archive") { loop, fail in
            let service = try ArchiveService.start(
                identity: identity, name: name, listen: configuration.listen, advertised: configuration.advertised,
                vault: vault, loop: loop, logger: logger, fail: fail)
            return {
                await service.stop()
                await service.waitUntilStopped()
            }
        }
    }
}

/// The settings of one archive.
struct ArchiveConfiguration: Sendable {
    let folder: RecordingFolder
    let limits: StorageQuota
    /// The join file's path.
    let join: String
    let identity: Identity
    let name: Name
    let listen: String
    let advertised: String?
    let metrics: MetricsEndpoint?

    init(_ settings: Settings) throws {
        folder = RecordingFolder(try settings.required("recordings", "the folder that recordings are written to"))
        let most = try settings.text("max.megabytes").map { _ in
            UInt64(try settings.integer("max.megabytes", in: 16...1 << 40, default: 0)) << 20
        }
        let free = UInt64(try settings.integer("free.megabytes", in: 0...1 << 40, default: 1024)) << 20
        let leastKept = try settings.seconds("keep.at.least", atMost: 3650 * 86_400, default: 0)
        limits = StorageQuota(bytes: most, free: free, leastKept: .seconds(leastKept))
        join = try settings.required("join", "the join file that the registry's operator made for archives")
        identity = try Identity.read(join, registry: settings.text("registry"), role: .archive)
        name = try identity.name(instance: ProgramEnvironment.instanceName)
        listen = settings.text("listen") ?? identity.suitableListen
        advertised = settings.text("advertise")
        metrics = try MetricsEndpoint(settings)
    }
}
