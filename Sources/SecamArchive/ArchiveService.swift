import Logging
import SecamBase
import SecamMesh
import SecamProcess
import SecamRecording
import SecamWire

/// Records the cameras that the registry assigns to this archive, and answers the gateway's requests for recordings.
actor ArchiveService {
    private let loop: MeshLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }

    private let logger: Logger
    private let member: MeshMember
    private let socket: MeshSocket
    private let index: RecordingIndex
    private let configuration: RecordingStore.Configuration
    private let fail: LoopService.Fail
    private var writer: Writer?
    private var replayServer: ReplayServer?
    private var searchServer: SearchServer?
    private var rules: [Name: Recording.Camera] = [:]
    private var cameras = ReachableCameras()
    private var flows: [Name: ArchiveCameraFlows] = [:]
    /// The rate limits, by the cameras' keys.
    private var rateLimits: [[UInt8]: CameraRateLimit] = [:]
    private var timer: LoopTimer?
    /// Rejected messages, and refused flows.
    private var messagesRejected: UInt64 = 0
    private var writerFigures: [Figure] = []
    private var writerCauses: [Cause] = []
    private var pastMissed: UInt64 = 0
    /// The cameras whose last write failed, with the reason.
    private var failing: [Name: String] = [:]
    /// The reason why nothing can be written to the volume; `nil` while it is writable.
    private var volumeFault: String?

    /// The assignment that the next start resumes.
    private var savedAssignment: LastAssignment?
    private let assignmentFile: AssignmentFile?
    /// The registry's assignment; `nil` until it arrives.
    private var recording: Recording?
    private var resumptionTimer: LoopTimer?

    /// Time for the registry to assign cameras; after it the last known assignment is resumed.
    private static let registryTimeout = Duration.milliseconds(700)
    /// Interval of connection attempts to new cameras.
    private static let connectInterval = Duration.milliseconds(50)
    /// Interval of the messages that keep flows open.
    private static let keepAliveInterval = Duration.seconds(1)

    private init(
        member: MeshMember, socket: MeshSocket, configuration: RecordingStore.Configuration, logger: Logger,
        fail: @escaping LoopService.Fail
    ) {
        loop = member.loop
        self.member = member
        self.socket = socket
        self.configuration = configuration
        index = configuration.index
        assignmentFile = AssignmentFile(in: configuration.index.folder, name: member.name)
        self.logger = logger
        self.fail = fail
    }

    /// Starts the service. Called on the loop's thread.
    ///
    /// - Parameter fail: called when the service must restart.
    static func start(
        identity: Identity, name: Name, listen: String, advertised: String?,
        configuration: RecordingStore.Configuration, loop: MeshLoop,
        logger: Logger, fail: @escaping LoopService.Fail
    ) throws -> ArchiveService {
        let member = try MeshMember(identity, name: name, loop: loop, logger: logger)
        let socket = try member.listen(at: listen, advertised: advertised)
        let service = ArchiveService(
            member: member, socket: socket, configuration: configuration, logger: logger, fail: fail)
        try service.assumeIsolated { try $0.start() }
        return service
    }

    /// Stops recording and leaves the mesh; see `waitUntilStopped`.
    func stop() {
        timer?.cancel()
        resumptionTimer?.cancel()
        for camera in Array(flows.keys) { stopRecording(camera) }
        loop.unwatch(socket)
        member.stop()
        replayServer?.stop()
        searchServer?.stop()
        writer?.stop()
    }

    /// Waits until everything is on disk.
    func waitUntilStopped() async {
        await writer?.waitUntilStopped()
    }

    private func start() throws {
        let loop = loop
        let report: @Sendable (WriterReport) -> Void = { [self] report in
            loop.post { self.assumeIsolated { $0.handle(report) } }
        }
        let answer: @Sendable (MeshMessage, PeerID) -> Void = { [self] message, peer in
            loop.post { self.assumeIsolated { $0.answer(message, to: peer) } }
        }
        let configuration = configuration
        let index = index
        writer = Writer(configuration, report: report)
        replayServer = ReplayServer(index, answer: answer)
        searchServer = SearchServer(index, logger: logger, answer: answer)
        let socket = socket
        loop.watch(socket, onReadable: callback { $0.receiveRequests() })
        member.onRoster = callback { $0.updateRoster(added: $1, removed: $2) }
        member.onRecording = callback { $0.update($1) }
        member.figures = callback { $0.figures() }
        member.failing = callback { $0.unrecorded }
        member.causes = callback { $0.causes }
        timer = loop.makeTimer(callback { $0.refresh() })
        savedAssignment = assignmentFile?.assignment
        let resumptionTimer = loop.makeTimer(callback { $0.resume() })
        resumptionTimer.schedule(after: ArchiveService.registryTimeout)
        self.resumptionTimer = resumptionTimer
        try member.start()
    }

    // MARK: Assignment

    private func updateRoster(added: [Roster.Member], removed: [Roster.Member]) {
        for camera in cameras.adopt(added: added, removed: removed) { stopRecording(camera) }
        saveAssignment()
        refresh()
    }

    /// Resumes the last assignment if the registry has not sent one.
    private func resume() {
        guard recording == nil, let last = savedAssignment, !last.recording.cameras.isEmpty else { return }
        logger.notice(
            "last assignment resumed", metadata: ["cameras": "\(last.recording.cameras.count)"])
        let missing = last.cameras.filter { cameras[$0.name] == nil }
        _ = cameras.adopt(added: missing, removed: [])
        apply(last.recording)
    }

    private func update(_ recording: Recording) {
        self.recording = recording
        // Rules of a resumed assignment may be outdated, so nothing is removed by them.
        writer?.add(.rules(recording))
        apply(recording)
        saveAssignment()
    }

    private func saveAssignment() {
        guard let recording else { return }
        let assignment = LastAssignment(recording, cameras)
        guard assignment != savedAssignment else { return }
        savedAssignment = assignment
        if let assignmentFile { writer?.add(.assignment(assignment, assignmentFile)) }
    }

    private func apply(_ recording: Recording) {
        rules = Dictionary(recording.cameras.map { ($0.camera, $0) }) { first, _ in first }
        for camera in Array(flows.keys) where rules[camera] == nil { stopRecording(camera) }
        for (camera, flow) in flows { rules[camera].map { flow.apply($0) } }
        refresh()
    }

    /// Connects to the assigned cameras that are reachable.
    ///
    /// - Returns: whether all of them are connected.
    private func openMissing() -> Bool {
        let now = MonotonicTime.now
        let connected = Set(flows.values.lazy.map(\.camera.key))
        rateLimits = rateLimits.filter { connected.contains($0.key) || !$0.value.isFull(now: now) }
        var isComplete = true
        for (name, rule) in rules where flows[name] == nil {
            guard let camera = cameras[name] else { continue }
            let rateLimit = rateLimits[camera.key] ?? CameraRateLimit(now: now)
            rateLimits[camera.key] = rateLimit
            if rateLimit.chargeConnection(now: now) {
                openFlows(to: camera, rule, rateLimit)
            } else {
                isComplete = false
            }
        }
        return isComplete
    }

    private func openFlows(to camera: Roster.Member, _ rule: Recording.Camera, _ rateLimit: CameraRateLimit) {
        guard let writer else { return }
        do {
            let flow = try ArchiveCameraFlows(
                camera, socket: try member.connect(to: camera), rule: rule, index: index, writer: writer,
                rateLimit: rateLimit)
            flows[camera.name] = flow
            loop.watch(flow.socket, onReadable: callback { $0.receive(camera.name) })
        } catch {
            logger.error("camera not recorded", metadata: ["camera": "\(camera.name)", "reason": "\(error)"])
        }
    }

    private func stopRecording(_ camera: Name) {
        guard let flow = flows.removeValue(forKey: camera) else { return }
        flow.completeRecordings()
        failing[camera] = nil
        loop.unwatch(flow.socket)
        pastMissed += flow.missed
    }

    /// Refreshes all flows: once a second, and more often while a flow is not open.
    private func refresh() {
        var isComplete = openMissing()
        for (camera, flow) in flows {
            if flow.retryOverdueFrames() { reportOverdueFrames(of: camera) }
            if !flow.refresh() { isComplete = false }
        }
        guard !rules.isEmpty else { return timer?.pause() ?? () }
        timer?.schedule(after: isComplete ? ArchiveService.keepAliveInterval : ArchiveService.connectInterval)
    }

    private func reportOverdueFrames(of camera: Name) {
        guard failing[camera] == nil, volumeFault == nil else { return }
        let seconds = DurabilityMonitor.timeout / .seconds(1)
        let reason = "frames arrive, but none of the last \(Int(seconds)) s is on disk; they are requested again"
        failing[camera] = reason
        logger.error("recording failed", metadata: ["camera": "\(camera)", "reason": "\(reason)"])
    }

    // MARK: Messages and reports

    private func receive(_ camera: Name) {
        guard let flow = flows[camera] else { return }
        do throws(WireError) {
            try flow.receive { close, content in
                messagesRejected += 1
                logger.warning(
                    "flow refused",
                    metadata: [
                        "camera": "\(camera)", "content": "\(content)", "reason": "\(close.reason)",
                        "detail": "\(close.detail)",
                    ])
            } onViolation: { violation in
                reject("\(violation)", "camera \(camera)")
            }
        } catch {
            reject("\(error)", "camera \(camera)")
        }
    }

    private func handle(_ report: WriterReport) {
        switch report {
        case .frameWritten(let id, let flow): flows[id.camera]?.frameWritten(flow)
        case .gapRecorded(let camera, let flow): flows[camera]?.gapRecorded(flow)
        case .durable(let id, let durable):
            let camera = id.camera
            guard !id.isSpooled else { return flows[camera]?.acknowledgeSpooled(durable) ?? () }
            flows[camera]?.acknowledge(durable)
            if failing.removeValue(forKey: camera) != nil {
                logger.notice("recording resumed", metadata: ["camera": "\(camera)"])
            }
        case .eventStored(let camera, let event, let acknowledged):
            flows[camera]?.eventStored(incarnation: event.incarnation, acknowledged: acknowledged)
        case .framesFailed(let id, let flow, let reason):
            // A fault of the volume concerns all cameras, and ends for all of them.
            if !id.isSpooled, volumeFault == nil { failing[id.camera] = reason }
            flows[id.camera]?.retry(id.isSpooled ? .spool : .frames, flow: flow)
        case .eventsFailed(let camera, let flow): flows[camera]?.retry(.events, flow: flow)
        case .volumeFault(let reason): volumeFault = reason
        case .figures(let figures, let causes): (writerFigures, writerCauses) = (figures, causes)
        case .remounted(let path): fail(RecordingError.remounted(path: path))
        }
    }

    private func receiveRequests() {
        for _ in 0..<64 {
            guard let received = socket.receive() else { return }
            guard let peer = received.peer, let key = received.key, member.role(of: key) == .gateway else {
                reject("key is not the gateway's", "key \(received.key?.description ?? "none")")
                continue
            }
            do throws(WireError) {
                try received.message.withBytes { (bytes) throws(WireError) in
                    let envelope = try Envelope.readWhole(bytes, limit: WireLimits.meshMessage)
                    switch envelope.type {
                    case .search: searchServer?.handle(.search(try Search.decode(bytes, envelope)), from: peer)
                    case .protect: searchServer?.handle(.protect(try Protect.decode(bytes, envelope)), from: peer)
                    case .replay: replayServer?.handle(.replay(try Replay.decode(bytes, envelope)), from: peer)
                    case .credit: replayServer?.handle(.credit(try Credit.decode(bytes, envelope)), from: peer)
                    case .closeFlow: replayServer?.handle(.close(try CloseFlow.decode(bytes, envelope)), from: peer)
                    default: throw .unknownType(envelope.type.rawValue)
                    }
                }
            } catch {
                reject("\(error)", "gateway")
            }
        }
    }

    private func answer(_ message: MeshMessage, to peer: PeerID) {
        if socket.send(message, to: peer) == .unreachable { replayServer?.handle(.lost, from: peer) }
    }

    private func reject(_ reason: String, _ sender: String) {
        messagesRejected += 1
        logger.warning("message rejected", metadata: ["reason": "\(reason)", "sender": "\(sender)"])
    }

    /// The assigned cameras that cannot be recorded.
    private var unrecorded: [Name] {
        guard volumeFault == nil else { return rules.keys.sorted() }
        return Set(failing.keys).union(flows.lazy.filter { $0.value.missingContent != nil }.map(\.key)).sorted()
    }

    private var causes: [Cause] {
        let incomplete = flows.filter { $0.value.missingContent != nil }.min { $0.key < $1.key }
        let missing = incomplete.flatMap { name, flow in
            flow.missingContent.map { "the camera '\(name)' does not provide \($0)" }
        }
        let reason = volumeFault ?? failing.min { $0.key < $1.key }?.value ?? missing
        return writerCauses + (reason.map { [Cause(.camerasFailing, $0)] } ?? [])
    }

    private func figures() -> [Figure] {
        let process = ProcessFigures.current
        let missed = flows.values.reduce(pastMissed) { $0 + $1.missed }
        return writerFigures + [
            Figure(.camerasAssigned, UInt64(rules.count)), Figure(.framesMissed, missed),
            Figure(.camerasFailing, UInt64(unrecorded.count)),
            Figure(.messagesRefused, messagesRejected + socket.rejectedCount),
            Figure(.residentBytes, process.residentBytes), Figure(.cpuMicroseconds, process.cpuMicroseconds),
        ]
    }
}
