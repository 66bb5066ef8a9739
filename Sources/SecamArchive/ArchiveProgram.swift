package import ArgumentParser
import Logging
import SecamBase
import SecamMesh
import SecamMetrics
import SecamProcess
import SecamRecording
import SecamWire
import ServiceLifecycle

/// `secam-archive`: records the cameras that the registry assigns to it, and answers queries about recordings.
package struct ArchiveProgram: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "secam-archive",
        abstract: "Record cameras. Archives can share a volume or have one each.",
        version: softwareVersion)

    @Option(help: "Folder of the recordings. Archives can share one. (SECAM_RECORDINGS)")
    var recordings: String?
    @OptionGroup var member: MemberOptions
    @OptionGroup var listening: ListenOptions
    @Option(help: "Maximum size of all recordings, MiB. (SECAM_MAX_MEGABYTES; default: limited by free disk space)")
    var maxMegabytes: String?
    @Option(help: OptionHelp.freeMegabytes)
    var freeMegabytes: String?
    @Option(help: OptionHelp.keepAtLeast)
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
            try ArchiveConfiguration(member.settings(own.merging(listening.values) { own, _ in own }))
        } make: {
            [try ArchiveProgram.makeService($0)] + MetricsServer.services($0.metrics, .archive, $0.name)
        }
    }

    /// Makes the service from its configuration.
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
            logger.info("volume not remembered", metadata: ["reason": "\(error)"])
        }
        let unindexed = try ArchiveCheck.countUnindexed(index)
        if unindexed > 0 {
            logger.warning(
                "recordings missing from index",
                metadata: [
                    "recordings": "\(unindexed)", "folder": "\(folder.path)",
                    "remedy": "run 'secam archive rebuild'",
                ])
        }
        let storeConfiguration = RecordingStore.Configuration(
            index: index, writer: name.text, limits: configuration.limits, logger: logger, lock: lock)
        return LoopService(name: "archive") { loop, fail in
            let service = try ArchiveService.start(
                identity: identity, name: name, listen: configuration.listen, advertised: configuration.advertised,
                configuration: storeConfiguration, loop: loop, logger: logger, fail: fail)
            return {
                await service.stop()
                await service.waitUntilStopped()
            }
        }
    }
}

/// The configuration of one archive.
struct ArchiveConfiguration: Sendable {
    let folder: RecordingFolder
    let limits: StorageQuota
    /// The path of the join file.
    let join: String
    let identity: Identity
    let name: Name
    let listen: String
    let advertised: String?
    let metrics: MetricsEndpoint?

    init(_ settings: Settings) throws {
        folder = RecordingFolder(try settings.required("recordings", "the folder of the recordings"))
        let maximumBytes = try settings.text("max.megabytes").map { _ in
            UInt64(try settings.integer("max.megabytes", in: 16...1 << 40, default: 0)) << 20
        }
        let minimumFreeBytes = UInt64(try settings.integer("free.megabytes", in: 0...1 << 40, default: 1024)) << 20
        let minimumRetention = try settings.seconds("keep.at.least", atMost: 3650 * 86_400, default: 0)
        limits = StorageQuota(
            maximumBytes: maximumBytes, minimumFreeBytes: minimumFreeBytes, minimumRetention: .seconds(minimumRetention)
        )
        join = try settings.required("join", "a join file; create one with: secam keys invite")
        identity = try Identity.read(join, registry: settings.text("registry"), role: .archive)
        name = try identity.name(instance: ProgramEnvironment.instanceName)
        listen = settings.text("listen") ?? identity.defaultListenEndpoint
        advertised = settings.text("advertise")
        metrics = try MetricsEndpoint(settings)
    }
}
