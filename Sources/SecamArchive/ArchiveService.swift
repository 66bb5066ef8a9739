import Logging
import SecamBase
import SecamMesh
import SecamProcess
import SecamRecording
import SecamWire

/// Records the cameras that the registry gives it, and answers the gateway's questions about what it has.
actor ArchiveService {
    private let loop: MeshLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }

    private let logger: Logger
    private let member: MeshMember
    private let socket: MeshSocket
    private let index: RecordingIndex
    private let plan: RecordingStore.Plan
    private let fail: LoopService.Fail
    private var writer: Writer?
    private var reading: ReplayServer?
    private var rules: [Name: Recording.Camera] = [:]
    private var cameras = ReachableCameras()
    private var links: [Name: ArchiveCameraFlow] = [:]
    /// By the cameras' keys.
    private var allowances: [[UInt8]: CameraRateLimit] = [:]
    private var timer: LoopTimer?
    private var refused: UInt64 = 0
    private var writerFigures: [Figure] = []
    private var writerCauses: [Cause] = []
    private var pastMissed: UInt64 = 0
    /// Cameras of which something could not be written, and nothing has been since, with the reason.
    private var failing: [Name: String] = [:]
    /// Why nothing can be written to the volume, of whichever camera; `nil` while it can.
    private var volumeFault: String?

    /// What is remembered for the next start, and where.
    private var savedAssignment: LastAssignment?
    private let memory: AssignmentFile?
    /// As the registry said it; `nil` until it has.
    private var recording: Recording?
    private var memoryTimer: LoopTimer?

    /// Microseconds for which the archive waits for the registry before it goes on as before.
    private static let registryTime: Int64 = 700_000
    /// Microseconds between two tries to reach a camera that is new, and between two signs of life.
    private static let tryInterval: Int64 = 50_000
    private static let lifeInterval: Int64 = 1_000_000

    private init(
        member: MeshMember, socket: MeshSocket, plan: RecordingStore.Plan, logger: Logger,
        fail: @escaping LoopService.Fail
    ) {
        loop = member.loop
        self.member = member
        self.socket = socket
        self.plan = plan
        index = plan.index
        memory = AssignmentFile(in: plan.index.folder, name: member.name)
        self.logger = logger
        self.fail = fail
    }

    /// Starts the service. Called on the loop's thread.
    ///
    /// - Parameter fail: called when it must be started anew.
    static func start(
        identity: Identity, name: Name, listen: String, advertised: String?, vault: RecordingStore.Plan, loop: MeshLoop,
        logger: Logger, fail: @escaping LoopService.Fail
    ) throws -> ArchiveService {
        let member = try MeshMember(identity, name: name, loop: loop, logger: logger)
        let socket = try member.listen(at: listen, advertised: advertised)
        let service = ArchiveService(member: member, socket: socket, plan: vault, logger: logger, fail: fail)
        try service.assumeIsolated { try $0.begin() }
        return service
    }

    /// Leaves; see `waitUntilStopped`.
    func stop() {
        timer?.cancel()
        memoryTimer?.cancel()
        for camera in Array(links.keys) { leave(camera) }
        loop.unwatch(socket)
        member.stop()
        reading?.stop()
        writer?.stop()
    }

    /// Returns when everything is on the disk.
    func waitUntilStopped() async {
        await writer?.waitUntilStopped()
    }

    private func begin() throws {
        let loop = loop
        let tell: @Sendable (WriterNews) -> Void = { [self] news in
            loop.post { self.assumeIsolated { $0.take(news) } }
        }
        let answer: @Sendable (MeshMessage, PeerID) -> Void = { [self] message, peer in
            loop.post { self.assumeIsolated { $0.answer(message, to: peer) } }
        }
        let plan = plan
        let index = index
        writer = Writer(plan, tell: tell)
        reading = ReplayServer(index, logger: logger, answer: answer)
        let socket = socket
        loop.watch(socket) { [unowned self] in assumeIsolated { $0.receiveQuestions() } }
        member.onRoster = { [unowned self] added, removed in
            assumeIsolated { $0.adopt(added: added, removed: removed) }
        }
        member.onRecording = { [unowned self] recording in assumeIsolated { $0.adopt(recording) } }
        member.figures = { [unowned self] in assumeIsolated { $0.figures() } }
        member.failing = { [unowned self] in assumeIsolated { $0.unrecorded } }
        member.causes = { [unowned self] in assumeIsolated { $0.causes } }
        timer = loop.makeTimer { [unowned self] in assumeIsolated { $0.refresh() } }
        savedAssignment = memory?.assignment
        let memoryTimer = loop.makeTimer { [unowned self] in assumeIsolated { $0.resume() } }
        memoryTimer.schedule(afterMicroseconds: ArchiveService.registryTime)
        self.memoryTimer = memoryTimer
        try member.start()
    }

    // MARK: Who is recorded

    private func adopt(added: [Roster.Member], removed: [Roster.Member]) {
        for camera in cameras.adopt(added: added, removed: removed) { leave(camera) }
        remember()
        refresh()
    }

    /// The registry is away, or does not know yet: what was recorded last goes on.
    private func resume() {
        guard recording == nil, let last = savedAssignment, !last.recording.cameras.isEmpty else { return }
        logger.notice(
            "recording as before, until the registry says what is to be",
            metadata: ["cameras": "\(last.recording.cameras.count)"])
        let missing = last.cameras.filter { cameras[$0.name] == nil }
        _ = cameras.adopt(added: missing, removed: [])
        apply(last.recording)
    }

    private func adopt(_ recording: Recording) {
        self.recording = recording
        // Not from memory: what is old goes by what the policy says now.
        writer?.add(.rules(recording))
        apply(recording)
        remember()
    }

    private func remember() {
        guard let recording else { return }
        let assignment = LastAssignment(recording, cameras)
        guard assignment != savedAssignment else { return }
        savedAssignment = assignment
        if let memory { writer?.add(.assignment(assignment, memory)) }
    }

    private func apply(_ recording: Recording) {
        rules = Dictionary(recording.cameras.map { ($0.camera, $0) }) { first, _ in first }
        for camera in Array(links.keys) where rules[camera] == nil { leave(camera) }
        for (camera, link) in links { rules[camera].map { link.change(to: $0) } }
        refresh()
    }

    /// - Returns: whether every camera that can be reached is linked.
    private func openMissing() -> Bool {
        let now = MonotonicTime.now
        let linked = Set(links.values.lazy.map(\.camera.key))
        allowances = allowances.filter { linked.contains($0.key) || !$0.value.isFull(now: now) }
        var isComplete = true
        for (name, rule) in rules where links[name] == nil {
            guard let camera = cameras[name] else { continue }
            let allowance = allowances[camera.key] ?? CameraRateLimit(now: now)
            allowances[camera.key] = allowance
            if allowance.takeLink(now: now) { record(camera, rule, allowance) } else { isComplete = false }
        }
        return isComplete
    }

    private func record(_ camera: Roster.Member, _ rule: Recording.Camera, _ allowance: CameraRateLimit) {
        guard let writer else { return }
        do {
            let link = try ArchiveCameraFlow(
                camera, socket: try member.connect(to: camera), rule: rule, index: index, writer: writer,
                allowance: allowance)
            links[camera.name] = link
            loop.watch(link.socket) { [unowned self] in assumeIsolated { $0.receive(camera.name) } }
        } catch {
            logger.error("camera not recorded", metadata: ["camera": "\(camera.name)", "reason": "\(error)"])
        }
    }

    private func leave(_ camera: Name) {
        guard let link = links.removeValue(forKey: camera) else { return }
        link.leave()
        failing[camera] = nil
        loop.unwatch(link.socket)
        pastMissed += link.missed
    }

    /// Once a second for the flows that are open; soon again while one is not.
    private func refresh() {
        var isComplete = openMissing()
        for link in links.values where !link.refresh() { isComplete = false }
        guard !rules.isEmpty else { return timer?.pause() ?? () }
        timer?.schedule(afterMicroseconds: isComplete ? ArchiveService.lifeInterval : ArchiveService.tryInterval)
    }

    // MARK: What comes

    private func receive(_ camera: Name) {
        guard let link = links[camera] else { return }
        do throws(WireError) {
            try link.receive { close in
                refused += 1
                logger.warning(
                    "flow refused",
                    metadata: ["camera": "\(camera)", "reason": "\(close.reason)", "detail": "\(close.detail)"])
            }
        } catch {
            refuse("\(error)", "camera \(camera)")
        }
    }

    private func take(_ news: WriterNews) {
        switch news {
        case .taken(let id, let flow): links[id.camera]?.taken(flow)
        case .durable(let id, let durable):
            let camera = id.camera
            guard !id.isSpooled else { return links[camera]?.durableSpooled(durable) ?? () }
            links[camera]?.durable(durable)
            if failing.removeValue(forKey: camera) != nil {
                logger.warning("recording resumed", metadata: ["camera": "\(camera)"])
            }
        case .eventStored(let camera, let event, let acknowledged):
            links[camera]?.eventStored(
                incarnation: event.incarnation, sequence: event.sequence, acknowledged: acknowledged)
        case .failed(let id, let flow, let reason):
            guard !id.isSpooled else { return links[id.camera]?.failedSpool(flow) ?? () }
            // A fault of the volume is every camera's, and over when it is.
            if volumeFault == nil { failing[id.camera] = reason }
            links[id.camera]?.failed(flow)
        case .volumeFailed(let reason): volumeFault = reason
        case .eventsFailed(let camera, let flow): links[camera]?.eventsFailed(flow)
        case .figures(let figures, let causes): (writerFigures, writerCauses) = (figures, causes)
        case .remounted(let path): fail(RecordingError.remounted(path: path))
        }
    }

    private func receiveQuestions() {
        for _ in 0..<64 {
            guard let received = socket.receive() else { return }
            guard let peer = received.peer, let key = received.key, member.role(of: key) == .gateway else {
                refuse("key is not the gateway's", "key \(received.key?.description ?? "none")")
                continue
            }
            do throws(WireError) {
                try received.message.withBytes { (bytes) throws(WireError) in
                    let envelope = try Envelope.readWhole(bytes, limit: WireLimits.meshMessage)
                    switch envelope.type {
                    case .search: reading?.ask(.search(try Search.decode(bytes, envelope)), from: peer)
                    case .protect: reading?.ask(.protect(try Protect.decode(bytes, envelope)), from: peer)
                    case .replay: reading?.ask(.replay(try Replay.decode(bytes, envelope)), from: peer)
                    case .credit: reading?.ask(.credit(try Credit.decode(bytes, envelope)), from: peer)
                    case .closeFlow: reading?.ask(.close(try CloseFlow.decode(bytes, envelope)), from: peer)
                    default: throw .unknownType(envelope.type.rawValue)
                    }
                }
            } catch {
                refuse("\(error)", "gateway")
            }
        }
    }

    private func answer(_ message: MeshMessage, to peer: PeerID) {
        if socket.send(message, to: peer) == .unreachable { reading?.ask(.lost, from: peer) }
    }

    private func refuse(_ reason: String, _ sender: String) {
        refused += 1
        logger.warning("message rejected", metadata: ["reason": "\(reason)", "sender": "\(sender)"])
    }

    /// Cameras that are to be recorded and cannot.
    private var unrecorded: [Name] { (volumeFault == nil ? Array(failing.keys) : Array(rules.keys)).sorted() }

    private var causes: [Cause] {
        let reason = volumeFault ?? failing.min { $0.key < $1.key }?.value
        return writerCauses + (reason.map { [Cause(.camerasFailing, $0)] } ?? [])
    }

    private func figures() -> [Figure] {
        let process = ProcessFigures.current
        let missed = links.values.reduce(pastMissed) { $0 + $1.missed }
        return writerFigures + [
            Figure(.camerasAssigned, UInt64(rules.count)), Figure(.framesMissed, missed),
            Figure(.camerasFailing, UInt64(unrecorded.count)), Figure(.messagesRefused, refused + socket.refused),
            Figure(.residentBytes, process.residentBytes), Figure(.cpuMicroseconds, process.cpuMicroseconds),
        ]
    }
}
