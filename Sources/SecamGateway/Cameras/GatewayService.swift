import Glibc
import Logging
import NIOCore
import SecamBase
import SecamHooks
import SecamMesh
import SecamMetrics
import SecamPolicy
import SecamProcess
import SecamRegistry
import SecamWire

/// The gateway's side in the mesh: the registry, and the flows from the cameras that somebody watches.
actor GatewayService: CameraHub {
    private let loop: MeshLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }

    private struct LinkID: Hashable {
        let camera: UInt32
        let content: FlowContent
    }

    private let folder: DataFolder
    private let logger: Logger
    private let context: MeshContext
    private let keys: KeyPair
    private let own: Name
    private let started = WallClock.now
    private var registry: Registry
    /// Who had joined when it was written down last.
    private var noted: MemberCount
    /// The cameras on the list when it was written down last, and those of before this start until all had time to come
    /// back.
    private var notedCameras: KnownCameras
    private var awaitedCameras: Set<Name>?
    private var admission: ZAPHandler?
    private var socket: MeshSocket?
    private var allowlist: Allowlist
    private var allowlistVersion: DataFolder.FileVersion
    private var policy: GatewayPolicy
    private let policyStore: PolicyStore
    private var policyVersion: DataFolder.FileVersion
    /// Why `policy.yaml` is not in force.
    private var policyProblem: PolicyError?
    private var isReadingPolicy = false
    private var lastPolicyRead = MonotonicTime.now
    private let hooks: Hooks
    private var directory = CameraDirectory()
    private var recordings: [Name: Registry.CameraRecording] = [:]
    private var conditions = ConditionWatch()
    private var wanted: Set<LinkID> = []
    private var links: [LinkID: GatewayCameraFlow] = [:]
    /// What was told of cameras whose connection is gone, so that it is not told again when they are back.
    private var lastEvents: [UInt32: GatewayCameraFlow.EventPlace] = [:]
    private var timers: [LoopTimer] = []
    private var desk: ArchiveProxy
    private var archives: [Roster.Member: MeshSocket] = [:]
    private var viewers: ViewerServer?
    /// For members that can only dial out.
    nonisolated let relay: RelayServer
    private var relayed: Set<RelayedService> = []
    /// Where the relay's ports are for us.
    private let relayAddress: String
    private var refused: UInt64 = 0
    private var health = HealthFile.ours
    private var framesReceived: UInt64 = 0

    /// Bytes of one message to the registry.
    private static let messageLimit = WireLimits.viewerMessage

    private init(
        _ folder: DataFolder, listen: String, policy: GatewayPolicy, loop: MeshLoop, logger: Logger
    ) throws {
        self.folder = folder
        self.loop = loop
        self.logger = logger
        context = try MeshContext()
        keys = try folder.gatewayKeys()
        own = try Name("gateway")
        let host = Relay.host(ofListener: listen)
        relay = RelayServer(host: host, logger: logger)
        relayAddress = "tcp://\(host == "0.0.0.0" ? "127.0.0.1" : host):0"
        allowlistVersion = folder.allowlistVersion
        // Before it is read, so that a change meanwhile is seen.
        policyVersion = folder.policyVersion
        policyStore = PolicyStore(folder, logger: logger)
        let loaded = try policyStore.load()
        policyProblem = loaded.problem
        self.policy = policy
        self.policy.file = loaded.file
        hooks = Hooks(logger: logger)
        hooks.update(self.policy.file.hooks)
        let member = Roster.Member(
            role: .gateway, incarnation: .random(in: 1...UInt64.max), key: keys.publicKey.bytes, name: own, endpoint: ""
        )
        allowlist = try folder.allowlist()
        noted = MemberCount(parsing: (try? SecretFile.readIfThere(folder.members)) ?? "")
        notedCameras = KnownCameras(in: folder)
        awaitedCameras = notedCameras.names
        registry = Registry(own: member, allowlist: allowlist, now: .now, policies: self.policy, expected: noted)
        var owners = VolumeOwners()
        if let text = try SecretFile.readIfThere(folder.volumes) {
            owners = try VolumeOwners(parsing: text, path: folder.volumes)
        }
        // Keys that were revoked while the gateway was not running.
        _ = owners.release(notOn: allowlist)
        desk = ArchiveProxy(owners: owners)
    }

    /// Starts the registry. Called on the loop's thread.
    static func start(
        _ folder: DataFolder, listen: String, policy: GatewayPolicy, loop: MeshLoop, logger: Logger
    ) throws -> (service: GatewayService, endpoint: String) {
        let service = try GatewayService(folder, listen: listen, policy: policy, loop: loop, logger: logger)
        let endpoint = try service.assumeIsolated { try $0.begin(listen) }
        return (service, endpoint)
    }

    /// From now on cameras and frames are handed to this server.
    func serve(_ viewers: ViewerServer) {
        self.viewers = viewers
        viewers.update(cameras: directory.cameras)
    }

    func stop() {
        for timer in timers { timer.cancel() }
        for link in links.values {
            link.close()
            loop.unwatch(link.socket)
        }
        links = [:]
        for socket in archives.values { loop.unwatch(socket) }
        archives = [:]
        hooks.stop()
        relay.stop()
        if let socket { loop.unwatch(socket) }
        if let admission { loop.unwatch(admission) }
        socket = nil
    }

    /// Whether anybody watches has changed. Any thread.
    nonisolated func demandChanged(camera: UInt32, rendition: Rendition, wanted: Bool) {
        loop.post {
            self.assumeIsolated { $0.change(LinkID(camera: camera, content: FlowContent(rendition)), wanted: wanted) }
        }
    }

    /// A viewer looks back. Any thread.
    nonisolated func look(_ request: ArchiveRequest, from viewer: ArchiveClient) {
        loop.post { self.assumeIsolated { $0.perform($0.desk.take(request, from: viewer, now: .now)) } }
    }

    private func begin(_ listen: String) throws -> String {
        let admission = try ZAPHandler(
            context,
            isAdmitted: { [unowned self] key in assumeIsolated { $0.registry.isAdmitted(key) } },
            onRefusal: { [unowned self] key, address in assumeIsolated { $0.noteRefusal(key, address) } })
        loop.watch(admission)
        self.admission = admission
        let socket = try MeshSocket.listen(
            admission: admission, endpoint: listen, keys: keys, messageLimit: GatewayService.messageLimit,
            limits: .registry)
        socket.onConnectionClosed { [unowned self] reason, key, address in
            assumeIsolated { $0.noteClosing(reason, key, address) }
        }
        self.socket = socket
        loop.watch(socket) { [unowned self] in assumeIsolated { $0.receive() } }
        let tick = loop.makeTimer { [unowned self] in assumeIsolated { $0.tick() } }
        tick.schedule(everyMicroseconds: 250_000)
        let refresh = loop.makeTimer { [unowned self] in assumeIsolated { $0.refreshLinks() } }
        timers = [tick, refresh]
        return socket.endpoint
    }

    // MARK: Registry

    private func receive() {
        for _ in 0..<64 {
            guard let received = socket?.receive() else { return }
            handle(received)
        }
    }

    private func handle(_ received: Received) {
        guard let peer = received.peer, let key = received.key else { return }
        do throws(WireError) {
            try received.message.withBytes { (bytes) throws(WireError) in
                let envelope = try Envelope.readWhole(bytes, limit: GatewayService.messageLimit)
                if envelope.type == .statusRequest, registry.isOperator(key) {
                    _ = try StatusRequest.decode(bytes, envelope)
                    if registry.mayAsk(key) { socket?.send(status(), to: peer) }
                } else {
                    perform(
                        try registry.receive(
                            bytes, from: peer, key: key, address: received.address, time: WallClock.now, now: .now))
                }
            }
        } catch {
            refuse("\(error)", "key \(key)")
        }
    }

    private func perform(_ actions: [Registry.Action]) {
        var hasChanged = false
        var lost: [PeerID] = []
        for action in actions {
            switch action {
            case .send(let message, let peer):
                if socket?.send(MeshMessage(message), to: peer) == .unreachable { lost.append(peer) }
            case .changed: hasChanged = true
            case .joined(let member):
                logger.info("service joined", metadata: ["service": "\(member.role)/\(member.name)"])
            case .left(let member, let reason):
                logger.warning(
                    "service left",
                    metadata: ["service": "\(member.role)/\(member.name)", "reason": "\(reason)"])
            case .refused(let key, let reason):
                refuse(reason, "key \(key)")
            }
        }
        // Only now, else the roster without them would overtake the one that is being sent.
        for peer in lost { perform(registry.lost(peer, now: .now)) }
        if hasChanged {
            updateRelay()
            updateCameras()
            updateArchives()
        }
    }

    /// Opens and closes ports, as members that can only dial out come and go.
    private func updateRelay() {
        let present = Set(
            registry.relayed.map { RelayedService(role: $0.role, name: $0.name, incarnation: $0.incarnation) })
        for service in relayed.subtracting(present) { relay.close(service) }
        let new = present.subtracting(relayed)
        relayed = present
        for service in new {
            Task {
                do {
                    let port = try await relay.open(service) { [loop] ticket in
                        loop.post {
                            self.assumeIsolated {
                                $0.perform($0.registry.call(service.name, service.role, ticket: ticket))
                            }
                        }
                    }
                    announce(service, at: port)
                } catch {
                    logger.error(
                        "relay port not opened",
                        metadata: ["service": "\(service.role)/\(service.name)", "reason": "\(error)"])
                }
            }
        }
    }

    private func announce(_ service: RelayedService, at port: UInt16) {
        guard relayed.contains(service) else { return relay.close(service) }
        perform(
            registry.relay(port, for: service.name, service.role, incarnation: service.incarnation, now: .now))
    }

    // MARK: Archives

    private func updateArchives() {
        let present = Set(registry.archives)
        guard present != Set(archives.keys) else { return }
        for (member, socket) in archives where !present.contains(member) {
            loop.unwatch(socket)
            archives[member] = nil
        }
        for member in present where archives[member] == nil {
            guard let key = PublicKey(bytes: member.key) else { continue }
            do throws(MeshError) {
                let socket = try MeshSocket.connect(
                    context, endpoint: Relay.resolve(member.endpoint, registry: relayAddress), serverKey: key,
                    keys: keys)
                archives[member] = socket
                loop.watch(socket) { [unowned self] in assumeIsolated { $0.receive(from: member) } }
            } catch {
                logger.error("archive unreachable", metadata: ["archive": "\(member.name)", "reason": "\(error)"])
            }
        }
        let names = archives.keys.compactMap { member in
            PublicKey(bytes: member.key).flatMap { allowlist.pattern(for: $0, role: .archive, name: member.name) }
                .map { (member, $0) }
        }
        perform(desk.update(Dictionary(uniqueKeysWithValues: names), now: .now))
    }

    private func receive(from archive: Roster.Member) {
        for _ in 0..<ArchiveProxy.window {
            guard let received = archives[archive]?.receive() else { return }
            do throws(WireError) {
                perform(
                    try received.message.withBytes { (bytes) throws(WireError) in
                        let envelope = try Envelope.readWhole(bytes, limit: WireLimits.meshMessage)
                        return try desk.receive(envelope, bytes, from: archive, now: .now)
                    })
            } catch {
                refuse("\(error)", "archive \(archive.name)")
            }
        }
    }

    private func perform(_ actions: [ArchiveProxy.Action]) {
        for action in actions {
            switch action {
            case .ask(let message, let archive): archives[archive]?.send(MeshMessage(message))
            case .answer(let answer, let viewer): viewer.answer(answer)
            case .store(let owners): store(owners)
            case .identified(let archive): perform(registry.confirm(archive, now: .now))
            case .refused(let archive, let reason): refuse(reason, "archive \(archive.name)")
            }
        }
    }

    private func store(_ owners: VolumeOwners) {
        do {
            try SecretFile.write(owners.text, to: folder.volumes)
        } catch {
            logger.error("volume owners not stored", metadata: ["file": "\(folder.volumes)", "reason": "\(error)"])
        }
    }

    // MARK: Refusals

    private func noteRefusal(_ key: PublicKey?, _ address: String) {
        refused += 1
        logger.warning(
            "connection refused",
            metadata: ["reason": "key not admitted", "key": "\(key?.description ?? "none")", "address": "\(address)"])
    }

    private func noteClosing(_ reason: String, _ key: PublicKey?, _ address: String) {
        logger.warning(
            "connection closed",
            metadata: ["reason": "\(reason)", "key": "\(key?.description ?? "none")", "address": "\(address)"])
    }

    private func refuse(_ reason: String, _ sender: String) {
        refused += 1
        logger.warning("message rejected", metadata: ["reason": "\(reason)", "sender": "\(sender)"])
    }

    /// Not while members may only not have come back yet.
    private func noteMembers() {
        let present = registry.memberCount
        guard present != noted, !registry.isSettling(.now) else { return }
        noted = present
        do {
            try SecretFile.write(present.text, to: folder.members)
        } catch {
            logger.warning("members not noted", metadata: ["file": "\(folder.members)", "reason": "\(error)"])
        }
    }

    /// Cameras that have not come back are offline from now on.
    private func recallCameras() {
        guard let awaited = awaitedCameras, !registry.isSettling(.now) else { return }
        awaitedCameras = nil
        directory.recall(awaited.filter(allowlist.admitsCamera), time: started)
        updateCameras()
    }

    private func noteCameras() {
        let present = KnownCameras(directory.names)
        guard present != notedCameras, awaitedCameras == nil else { return }
        notedCameras = present
        do {
            try present.write(to: folder)
        } catch {
            logger.warning("cameras not noted", metadata: ["file": "\(folder.cameras)", "reason": "\(error)"])
        }
    }

    private func tick() {
        // Before viewers can come nothing is ready.
        if viewers != nil { health?.note(.ready, now: .now) }
        perform(registry.tick(now: .now))
        noteMembers()
        recallCameras()
        noteCameras()
        desk.isSettling = registry.isSettling(.now)
        perform(desk.tick(now: .now))
        checkConditions()
        lookAtAllowlist()
        checkPolicy()
    }

    /// Notices what an operator must act on, and tells hooks and the log when it begins and ends.
    private func checkConditions() {
        let now = registry.recordings(now: .now)
        if now != recordings {
            recordings = now
            updateCameras()
        }
        var present = Set(registry.archivesLowOnDisk.map { ConditionWatch.Subject(condition: .diskLow, name: $0) })
        for camera in directory.cameras {
            if camera.state == .offline { present.insert(.init(condition: .cameraOffline, name: camera.name)) }
            if camera.recording == .stopped { present.insert(.init(condition: .recordingStopped, name: camera.name)) }
        }
        for change in conditions.update(present, now: .now) {
            let (condition, name) = (change.subject.condition, change.subject.name)
            hooks.tell(HookOccasion(condition, of: name, isOver: change.isOver, time: WallClock.now))
            let metadata: Logger.Metadata = ["condition": "\(condition)", "name": "\(name)"]
            if change.isOver {
                logger.notice("condition ended", metadata: metadata)
            } else {
                logger.warning("condition began", metadata: metadata)
            }
        }
    }

    /// Microseconds between two attempts to read a policy that cannot be read.
    private static let policyRetryInterval: Int64 = 1_000_000

    private func checkPolicy() {
        guard !isReadingPolicy else { return }
        let version = folder.policyVersion
        let isRetryDue =
            policyProblem?.isUnreadable == true
            && MonotonicTime.now.since(lastPolicyRead) >= GatewayService.policyRetryInterval
        guard version != policyVersion || isRetryDue else { return }
        // A policy of a thousand cameras takes longer to parse than the registry's messages may wait. Without a thread
        // for it the next tick tries again.
        let isStarted = DedicatedThread.startIfPossible { [loop, policyStore] in
            let result = Result { () throws(PolicyError) in try policyStore.read() }
            loop.post { self.assumeIsolated { $0.apply(result) } }
        }
        guard isStarted else { return }
        policyVersion = version
        isReadingPolicy = true
        lastPolicyRead = .now
    }

    private func apply(_ result: Result<PolicyFile, PolicyError>) {
        isReadingPolicy = false
        switch result {
        case .success(let file):
            guard file != policy.file || policyProblem != nil else { return }
            policyProblem = nil
            policy.file = file
            hooks.update(file.hooks)
            perform(registry.update(policy, now: .now))
            logger.info("policy in force", metadata: ["file": "\(folder.policy)"])
        case .failure(let error):
            guard error != policyProblem else { return }
            policyProblem = error
            logger.error("policy invalid, previous policy stays in force", metadata: ["reason": "\(error)"])
        }
    }

    private func lookAtAllowlist() {
        let version = folder.allowlistVersion
        guard version != allowlistVersion else { return }
        allowlistVersion = version
        do {
            allowlist = try folder.allowlist()
            perform(registry.update(allowlist, now: .now))
            directory.forgetGone { !allowlist.admitsCamera($0) }
            updateCameras()
            perform(desk.release(notOn: allowlist))
            socket?.closeConnections { !registry.isAdmitted($0) }
        } catch {
            logger.error(
                "the list of keys cannot be read; the old one stays in force", metadata: ["reason": "\(error)"])
        }
    }

    /// The gateway's figures and the states of all cameras, for Prometheus.
    func metrics() -> String {
        var text = MetricsText()
        text.add(status().members[0].figures, role: .gateway, name: own.text)
        for camera in directory.cameras {
            text.add(camera.state, camera: camera.name.text)
            text.add(camera.recording, camera: camera.name.text)
        }
        return text.text
    }

    private func status() -> Status {
        let process = ProcessFigures.current
        // What viewers sent and what services sent is one figure.
        let ofViewers = viewers?.figures ?? []
        let refusedOfAll = ofViewers.filter { $0.metric == .messagesRefused }.reduce(refused) { $0 + $1.value }
        let figures =
            ofViewers.filter { $0.metric != .messagesRefused } + [
                Figure(.framesReceived, framesReceived), Figure(.residentBytes, process.residentBytes),
                Figure(.cpuMicroseconds, process.cpuMicroseconds), Figure(.messagesRefused, refusedOfAll),
                Figure(.policyInvalid, policyProblem == nil ? 0 : 1),
                Figure(.camerasUnrecorded, UInt64(recordings.values.count { $0.health == .stopped })),
            ]
        return registry.status(
            figures: figures, causes: causes(), away: directory.gone.map(away), time: WallClock.now,
            joined: started, process: UInt32(getpid()), now: .now)
    }

    /// Why the gateway's figures tell of problems; of `camerasUnrecorded` one for each camera.
    private func causes() -> [Status.MemberCause] {
        let policy = policyProblem.map {
            Status.MemberCause(role: .gateway, name: own, Cause(.policyInvalid, "\($0)"))
        }
        let unrecorded = recordings.filter { $0.value.health == .stopped }.sorted { $0.key < $1.key }
        return (policy.map { [$0] } ?? [])
            + unrecorded.map { name, recording in
                Status.MemberCause(role: .capture, name: name, Cause(.camerasUnrecorded, recording.cause))
            }
    }

    /// A camera whose service is gone, as the status tells it.
    private func away(_ camera: Cameras.Camera) -> Status.Member {
        Status.Member(
            role: .capture, process: 0, joined: 0,
            silence: UInt32(clamping: (WallClock.now - camera.since) / 1000), name: camera.name, endpoint: "",
            software: "",
            camera: CameraReport(
                state: camera.state, format: nil, width: 0, height: 0, frameRate: 0, since: camera.since, source: "",
                detail: camera.detail), figures: [])
    }

    // MARK: Cameras

    private func updateCameras() {
        for number in directory.update(registry.cameras, recordings: recordings, time: WallClock.now) {
            // Events are wanted always: hooks go by them, and viewers ask for those that have been.
            wanted.insert(LinkID(camera: number, content: .events))
            for identifier in wanted where identifier.camera == number {
                disconnect(identifier)
                connect(identifier)
            }
            endOrphans(of: number)
        }
        for number in directory.takeForgotten() {
            let identifier = LinkID(camera: number, content: .events)
            wanted.remove(identifier)
            lastEvents[number] = nil
            viewers?.forget(camera: number)
        }
        viewers?.update(cameras: directory.cameras)
    }

    private func change(_ identifier: LinkID, wanted isWanted: Bool) {
        if isWanted, wanted.insert(identifier).inserted {
            connect(identifier)
        } else if !isWanted, wanted.remove(identifier) != nil {
            disconnect(identifier)
        }
    }

    private func connect(_ identifier: LinkID) {
        guard let member = directory.member(identifier.camera), let key = PublicKey(bytes: member.key),
            !member.endpoint.isEmpty
        else { return }
        do throws(MeshError) {
            let endpoint = Relay.resolve(member.endpoint, registry: relayAddress)
            let socket = try MeshSocket.connect(context, endpoint: endpoint, serverKey: key, keys: keys)
            let link = GatewayCameraFlow(
                socket, number: identifier.camera, content: identifier.content,
                lastEvent: identifier.content == .events ? lastEvents[identifier.camera] : nil)
            links[identifier] = link
            loop.watch(socket) { [unowned self] in assumeIsolated { $0.receive(identifier) } }
            refreshLinks()
        } catch {
            logger.error("camera unreachable", metadata: ["camera": "\(member.name)", "reason": "\(error)"])
        }
    }

    private func disconnect(_ identifier: LinkID) {
        guard let link = links.removeValue(forKey: identifier) else { return }
        if identifier.content == .events { lastEvents[identifier.camera] = link.lastEvent }
        link.close()
        loop.unwatch(link.socket)
    }

    /// Once a second for the flows that are open; soon again while one is not.
    private func refreshLinks() {
        var isComplete = true
        for link in links.values where !link.refresh() { isComplete = false }
        guard !links.isEmpty else { return timers[1].pause() }
        timers[1].schedule(afterMicroseconds: isComplete ? 1_000_000 : 20_000)
    }

    private func receive(_ identifier: LinkID) {
        guard let link = links[identifier] else { return }
        do throws(WireError) {
            try link.receive { message, frame in
                framesReceived += 1
                viewers?.publish(GatewayService.buffer(message), frame: frame)
            } tell: { message, event in
                tell(message, event)
            } onRefusal: { close in
                logger.warning(
                    "flow refused",
                    metadata: [
                        "camera": "\(directory.member(identifier.camera)?.name.text ?? "\(identifier.camera)")",
                        "reason": "\(close.reason)", "detail": "\(close.detail)",
                    ])
            }
        } catch {
            refuse("\(error)", "camera \(identifier.camera)")
        }
    }

    /// A camera that has died has not said how its events ended.
    private func endOrphans(of camera: UInt32) {
        guard let member = directory.member(camera), let viewers else { return }
        for orphan in viewers.orphans(of: camera, since: member.incarnation) {
            let end = Event(
                flow: camera, incarnation: orphan.incarnation, sequence: orphan.sequence, event: orphan.event.ended)
            tell(MeshMessage(end), end)
        }
    }

    private func tell(_ message: MeshMessage, _ event: Event) {
        viewers?.publish(GatewayService.buffer(message), event: event)
        // What happened before our time has been told, or is past.
        guard event.event.last >= started, let camera = directory.member(event.flow)?.name else { return }
        hooks.tell(HookOccasion(camera: camera, event: event.event))
    }

    /// The one copy for all viewers: out of libzmq's memory into NIO's.
    private static func buffer(_ message: MeshMessage) -> ByteBuffer {
        unsafe message.withUnsafeBytes { unsafe ByteBuffer(bytes: $0) }
    }
}
