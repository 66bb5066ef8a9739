import Logging
import SecamBase
import SecamHooks
import SecamMesh
import SecamPolicy
import SecamProcess
import SecamRegistry
import SecamWire

/// The gateway's side in the mesh: the registry, the flows of watched cameras, and the connections to the archives.
///
/// This file holds the state and the life cycle. Each task is an extension in a file of its own.
actor GatewayService: CameraHub {
    let loop: MeshLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }

    let folder: DataFolder
    let logger: Logger
    let context: MeshContext
    let keys: KeyPair
    let name: Name
    /// UTC microseconds.
    let started = WallClock.now
    var viewers: ViewerServer?
    private var timer: LoopTimer?
    private var health = HealthFile.configured
    /// Rejected messages, and refused connections.
    var messagesRejected: UInt64 = 0

    // Registry
    var registry: Registry
    private var admission: ZAPHandler?
    var socket: MeshSocket?
    var keyList: KeyList
    var keyListVersion: DataFolder.FileVersion
    /// As last written to the data folder.
    var storedMembers: MemberCount
    /// As last written to the data folder.
    var storedCameras: KnownCameras
    /// The cameras known before this start; `nil` once they have had time to reconnect.
    var awaitedCameras: Set<Name>?
    /// Serves members that can only dial out.
    nonisolated let relay: RelayServer
    var relayed: Set<RelayedService> = []
    /// The address of the relay's ports, as the gateway itself reaches them.
    let relayAddress: String

    // Policy, conditions and hooks
    var policy: GatewayPolicy
    let policyStore: PolicyStore
    var policyVersion: DataFolder.FileVersion
    /// Why `policy.yaml` is not in force; `nil` when it is.
    var policyProblem: PolicyError?
    var isReadingPolicy = false
    var lastPolicyRead = MonotonicTime.now
    var conditions = ConditionWatch()
    let hooks: Hooks

    // Cameras
    var directory = CameraDirectory()
    var recordings: [Name: Registry.CameraRecording] = [:]
    var wanted: Set<CameraFlowID> = []
    var flows: [CameraFlowID: GatewayCameraFlow] = [:]
    /// The flows that their cameras refuse until they change.
    var refusals: [CameraFlowID: FlowRefusal] = [:]
    /// The position in the event log of each camera that is disconnected, where its next flow resumes.
    var lastEvents: [UInt32: GatewayCameraFlow.EventPosition] = [:]
    var flowTimer: LoopTimer?
    var nextFlowRefresh = MonotonicTime.now
    var framesReceived: UInt64 = 0

    // Archives
    var proxy: ArchiveProxy
    var archives: [Roster.Member: MeshSocket] = [:]

    /// Maximum size of a message to the registry, bytes.
    static let messageLimit = WireLimits.viewerMessage

    private init(
        _ folder: DataFolder, listen: String, policy: GatewayPolicy, loop: MeshLoop, logger: Logger
    ) throws {
        self.folder = folder
        self.loop = loop
        self.logger = logger
        context = try MeshContext()
        keys = try folder.gatewayKeys()
        name = try Name("gateway")
        let host = Relay.host(ofListener: listen)
        relay = RelayServer(host: host, logger: logger)
        relayAddress = "tcp://\(host == "0.0.0.0" ? "127.0.0.1" : host):0"
        // Versions are taken before the files are read, so that a change in between is noticed.
        keyListVersion = folder.keyListVersion
        policyVersion = folder.policyVersion
        policyStore = PolicyStore(folder, logger: logger)
        let loaded = try policyStore.load()
        policyProblem = loaded.problem
        self.policy = policy
        self.policy.file = loaded.file
        hooks = Hooks(logger: logger)
        hooks.update(self.policy.file.hooks)
        let member = Roster.Member(
            role: .gateway, incarnation: .random(in: 1...UInt64.max), key: keys.publicKey.bytes, name: name,
            endpoint: ""
        )
        keyList = try folder.keyList()
        storedMembers = MemberCount(parsing: (try? SecretFile.readIfThere(folder.members)) ?? "")
        storedCameras = KnownCameras(in: folder)
        awaitedCameras = storedCameras.names
        registry = Registry(
            gateway: member, keyList: keyList, now: .now, policies: self.policy, expected: storedMembers)
        var owners = VolumeOwners()
        if let text = try SecretFile.readIfThere(folder.volumes) {
            owners = try VolumeOwners(parsing: text, path: folder.volumes)
        }
        // Keys may have been revoked while the gateway was not running.
        _ = owners.release(notOn: keyList)
        proxy = ArchiveProxy(owners: owners)
    }

    /// Starts the registry. Called on the loop's thread.
    static func start(
        _ folder: DataFolder, listen: String, policy: GatewayPolicy, loop: MeshLoop, logger: Logger
    ) throws -> (service: GatewayService, endpoint: String) {
        let service = try GatewayService(folder, listen: listen, policy: policy, loop: loop, logger: logger)
        let endpoint = try service.assumeIsolated { try $0.startListening(at: listen) }
        return (service, endpoint)
    }

    private func startListening(at listen: String) throws -> String {
        let admission = try ZAPHandler(
            context,
            isAdmitted: callback { $0.registry.isAdmitted($1) },
            onRefusal: callback { $0.recordRefusedConnection($1, $2) })
        loop.watch(admission)
        self.admission = admission
        let socket = try MeshSocket.listen(
            admission: admission, endpoint: listen, keys: keys, messageLimit: GatewayService.messageLimit,
            limits: .registry)
        socket.onConnectionClosed(callback { $0.logClosedConnection($1, $2, $3) })
        self.socket = socket
        loop.watch(socket, onReadable: callback { $0.receive() })
        let timer = loop.makeTimer(callback { $0.tick() })
        timer.schedule(every: Registry.tickInterval)
        self.timer = timer
        flowTimer = loop.makeTimer(callback { $0.refreshFlows() })
        return socket.endpoint
    }

    /// Starts to publish cameras, frames and events to this server.
    func publish(to viewers: ViewerServer) {
        self.viewers = viewers
        viewers.update(cameras: directory.cameras)
    }

    func stop() {
        timer?.cancel()
        flowTimer?.cancel()
        for flow in flows.values {
            flow.close()
            loop.unwatch(flow.socket)
        }
        flows = [:]
        for socket in archives.values { loop.unwatch(socket) }
        archives = [:]
        hooks.stop()
        relay.stop()
        if let socket { loop.unwatch(socket) }
        if let admission { loop.unwatch(admission) }
        socket = nil
    }

    private func tick() {
        // The gateway is not ready before viewers can connect.
        if viewers != nil { health?.record(.ready, now: .now) }
        apply(registry.tick(now: .now))
        storeMembers()
        recallCameras()
        storeCameras()
        proxy.isSettling = registry.isSettling(.now)
        apply(proxy.tick(now: .now))
        checkConditions()
        reloadKeyList()
        reloadPolicy()
    }

    func reject(_ reason: String, from sender: String) {
        messagesRejected += 1
        logger.warning("message rejected", metadata: ["reason": "\(reason)", "sender": "\(sender)"])
    }
}
