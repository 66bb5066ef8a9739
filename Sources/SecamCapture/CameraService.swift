import Logging
import SecamBase
import SecamMesh
import SecamProcess
import SecamSharedMemory
import SecamWire

/// One camera: its ring, its flows and its work, on the mesh's loop.
actor CameraService {
    /// Messages that one key may send in a second: many times what 128 encoders, or the gateway, send.
    private static let messagesPerKey = 8192

    let loop: MeshLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }

    private let configuration: CaptureConfiguration
    private let keys: KeyPair
    let logger: Logger
    let member: MeshMember
    let socket: MeshSocket
    private let inFlight = InFlightLimit()
    private var thread: CaptureThread?
    var ring = Ring(duration: .seconds(30), byteLimit: 64 << 20)
    var flows: FlowServer
    var pool = WorkPool<CapturedPicture>()
    private var demand = CaptureDemand()
    var spool: CameraSpool?
    /// `nil` without a folder for its socket.
    private(set) var memory: PictureMemory?
    var events = ActiveEvents()
    var eventSequence: UInt64 = 0
    /// Renditions that are made even without a flow.
    private var keptRenditions: RenditionSet = []
    /// The policy demands motion detection.
    var isMotionWanted = false
    private var status: CameraStatus
    var workTimer: LoopTimer?
    private var secondTimer: LoopTimer?

    /// The keys of peers that have flows or do work.
    var peers: [PeerID: PublicKey] = [:]
    var messageBudget = MessageBudget(limit: CameraService.messagesPerKey)

    private var framesCaptured: UInt64 = 0
    private var framesDamaged: UInt64 = 0
    private var framesPublished: UInt64 = 0
    var messagesRejected: UInt64 = 0
    /// Jobs that were sent with their picture in shared memory.
    var workShared: UInt64 = 0
    /// Capture time of the newest picture, UTC microseconds.
    private(set) var newestCapture: Int64 = 0
    /// How far the last finished picture was behind the newest one.
    var lastLag: Duration = .zero

    private init(
        configuration: CaptureConfiguration, keys: KeyPair, member: MeshMember, socket: MeshSocket, logger: Logger
    ) {
        loop = member.loop
        self.configuration = configuration
        self.keys = keys
        self.member = member
        self.socket = socket
        self.logger = logger
        flows = FlowServer(incarnation: member.incarnation)
        status = CameraStatus(source: configuration.sourceText, time: WallClock.now)
    }

    // MARK: Start and stop

    /// Starts a camera. Called on the loop's thread.
    static func start(
        _ configuration: CaptureConfiguration, identity: Identity, name: Name, loop: MeshLoop, logger: Logger
    ) throws -> CameraService {
        let member = try MeshMember(identity, name: name, loop: loop, logger: logger)
        let socket = try member.listen(
            at: configuration.listen ?? identity.defaultListenEndpoint, advertised: configuration.advertised)
        let service = CameraService(
            configuration: configuration, keys: identity.keys, member: member, socket: socket, logger: logger)
        try service.assumeIsolated { try $0.start() }
        return service
    }

    private func start() throws {
        if let settings = configuration.spool { try openSpool(settings) }
        if let folder = configuration.share { try startSharing(folder) }
        loop.watch(socket, onReadable: callback { $0.receiveMessages() })
        workTimer = loop.makeTimer(callback { $0.checkWork() })
        let secondTimer = loop.makeTimer(callback { $0.everySecond() })
        secondTimer.schedule(every: .seconds(1))
        self.secondTimer = secondTimer
        member.figures = callback { $0.figures() }
        member.onRoster = callback { (service, _, _) in service.removeRevokedPeers() }
        member.onPolicy = callback { $0.apply($1) }
        try member.start()
        startCapture()
    }

    private func openSpool(_ settings: SpoolSettings) throws(SecretFile.Failure) {
        let loop = loop
        let deliver: @Sendable (SpoolEvent) -> Void = { [self] event in
            loop.post { self.assumeIsolated { $0.handle(event) } }
        }
        let timer = loop.makeTimer(callback { $0.tickSpool() })
        let spool = try Spool(settings, keys: keys, logger: logger, deliver: deliver)
        self.spool = CameraSpool(
            spool, incarnation: member.incarnation, timer: timer, apply: callback { $0.apply($1) })
    }

    private func startSharing(_ folder: String) throws {
        memory = try PictureMemory(folder: folder, logger: logger)
    }

    private let captureEnd = AsyncStream<Void>.makeStream()

    private func startCapture() {
        let loop = loop
        let captureEnd = captureEnd.continuation
        let configuration = configuration
        let inFlight = inFlight
        thread = CaptureThread(
            passesDamaged: configuration.device.passesDamaged,
            open: { (cancellation) throws(SourceFailure) in try configuration.open(cancellation) },
            memory: memory,
            deliver: { [self] event in
                if case .picture(let picture) = event, !inFlight.enter(bytes: picture.byteCount) { return }
                loop.post { self.assumeIsolated { $0.handle(event) } }
            },
            stopped: { captureEnd.finish() })
    }

    /// Ends all flows, leaves the mesh, and stops the device; see `waitUntilStopped`.
    func stop() {
        // Frames that no archive has acknowledged would be lost with the ring.
        for frame in ring.frames(.jpeg) { spoolIfOwed(frame) }
        spool?.stop()
        apply(flows.closeAll(.shutdown))
        apply(pool.abandonAll("camera stopped"))
        workTimer?.cancel()
        secondTimer?.cancel()
        loop.unwatch(socket)
        member.stop()
        thread?.stop()
        memory?.stop()
    }

    /// Returns once the device is closed and the spool is on the disk.
    func waitUntilStopped() async {
        for await _ in captureEnd.stream {}
        await spool?.waitUntilStopped()
        await memory?.waitUntilStopped()
    }

    // MARK: Device

    private func handle(_ event: CaptureEvent) {
        switch event {
        case .picture(let picture):
            inFlight.leave(bytes: picture.byteCount)
            handle(picture)
        case .skipped(let rendition, let range): ring.recordSkipped(rendition, range)
        case .damaged(let reason):
            framesDamaged += 1
            logger.debug("damaged frame skipped", metadata: ["reason": "\(reason)"])
        case .state(let state, let format, let detail): updateStatus(state, format, detail)
        }
    }

    private func handle(_ picture: CapturedPicture) {
        framesCaptured += 1
        newestCapture = picture.timestamp
        member.largestResult = CameraService.largestResult(for: picture)
        if let jpeg = picture.jpeg, jpeg.count > CameraService.frameLimit {
            framesDamaged += 1
            logger.warning(
                "frame too large", metadata: ["bytes": "\(jpeg.count)", "limit": "\(CameraService.frameLimit)"])
            return
        }
        if let jpeg = picture.jpeg { append(picture, .jpeg, .jpeg, picture.width, picture.height, jpeg) }
        if let map = picture.luma { append(picture, .luma, .gray8, map.width, map.height, map.bytes[...]) }
        if let work = picture.work { submitWork(work, of: picture) }
        apply(flows.pump(ring))
    }

    private func updateStatus(_ state: CameraState, _ format: SourceFormat?, _ detail: String) {
        let isChanged = status.update(state, format, detail: detail, time: WallClock.now)
        reportStatus()
        guard isChanged else { return }
        switch state {
        case .online: logger.info("camera online", metadata: ["format": "\(detail)"])
        case .offline: logger.warning("camera offline", metadata: ["reason": "\(detail)"])
        case .idle, .starting, .waiting: logger.debug("camera state changed", metadata: ["state": "\(state)"])
        }
    }

    /// Maximum size of a JPEG for which a FRAME still has room, bytes.
    static let frameLimit = WireLimits.frameMessage - 256

    /// Returns the largest RESULT that an encoder can need, bytes: two JPEGs and a luma map.
    private static func largestResult(for picture: CapturedPicture) -> Int {
        let pixels = (Int(picture.width) + 16) * (Int(picture.height) + 16)
        return min(WireLimits.meshMessage, 7 * pixels + (64 << 10))
    }

    private func reportStatus() { member.report(status.report(now: .now, time: WallClock.now)) }

    // MARK: Ring and spool

    func append(
        _ picture: CapturedPicture, _ rendition: Rendition, _ format: PixelFormat, _ width: UInt16, _ height: UInt16,
        _ bytes: ArraySlice<UInt8>
    ) {
        if rendition == .jpeg { framesPublished += 1 }
        let evicted = ring.append(
            RingFrame(
                rendition: rendition, format: format, sequence: picture.sequence, timestamp: picture.timestamp,
                arrived: .now, width: width, height: height, bytes: bytes))
        for frame in evicted { spoolIfOwed(frame) }
    }

    /// Spools a frame that leaves the ring and that an absent archive still needs.
    private func spoolIfOwed(_ frame: RingFrame) {
        guard let spool, frame.rendition == .jpeg, keptRenditions.contains(.jpeg), flows.isOwed(frame.sequence)
        else { return }
        spool.append(frame)
        flows.spooledFrom = spool.oldest
    }

    private func tickSpool() { spool?.tick() }

    private func handle(_ event: SpoolEvent) {
        spool?.handle(event)
        flows.spooledFrom = spool?.oldest
    }

    // MARK: Time and policy

    private func everySecond() {
        flows.tick(now: .now)
        tickSpool()
        endOrphanedEvents()
        checkMotionServices()
        apply(pool.tick(now: .now))
        if status.updateEncoders(isUnserved: pool.isBusy && pool.workerCount == 0, now: .now) { reportStatus() }
        tickMemory()
        messageBudget.tick(now: .now)
        peers = peers.filter { flows.knows($0.key) || pool.knows($0.key) || spool?.knows($0.key) == true }
        updateDemand()
    }

    private func tickMemory() {
        let pool = pool
        withdraw(memory?.tick(now: .now, isConnected: { pool.knows($0) }))
    }

    /// Tells encoders that the memory file is released.
    func withdraw(_ withdrawal: PictureMemory.Withdrawal?) {
        guard let withdrawal else { return }
        for encoder in withdrawal.receivers { socket.send(withdrawal.message, to: encoder) }
    }

    private func apply(_ policy: Policy) {
        guard policy.camera == member.name else { return }
        isMotionWanted = policy.watched
        keptRenditions = policy.kept
        demand.quality = policy.quality
        demand.subWidth = policy.subWidth
        ring.duration = .seconds(Int64(policy.ringSeconds))
        flows.absenceTimeout = ring.duration
        ring.byteLimit = Int(clamping: policy.ringBytes)
        thread?.demand(demand)
        updateDemand()
    }

    func updateDemand() {
        // Kept renditions are for later consumers, which want every frame.
        pool.acceptsLatePictures = flows.wantsEveryFrame(now: .now) || keptRenditions.contains(.jpeg)
        var wanted = demand
        wanted.renditions = flows.demand(now: .now).union(keptRenditions)
        wanted.lumaInterval = flows.interval(.luma) ?? .zero
        guard wanted != demand else { return }
        demand = wanted
        thread?.demand(wanted)
    }

    private func figures() -> [Figure] {
        let process = ProcessFigures.current
        return [
            Figure(.framesCaptured, framesCaptured), Figure(.framesDamaged, framesDamaged),
            Figure(.framesDropped, pool.dropped + inFlight.dropped),
            Figure(.framesSkipped, flows.framesSkipped), Figure(.framesPublished, framesPublished),
            Figure(.bytesPublished, flows.bytesSent),
            Figure(.workSent, pool.sent), Figure(.workRepeated, pool.resent),
            Figure(.workShared, workShared), Figure(.workers, UInt64(pool.workerCount)),
            Figure(.workersSharing, UInt64(memory?.encoders ?? 0)),
            Figure(.creditFromWorkers, UInt64(pool.credit)), Figure(.flowsOpen, UInt64(flows.count)),
            Figure(.ringBytes, UInt64(ring.byteCount)), Figure(.framesSpooled, spool?.figures.frames ?? 0),
            Figure(.bytesSpooled, spool?.figures.bytes ?? 0),
            Figure(.messagesRefused, messagesRejected + socket.rejectedCount),
            Figure(.residentBytes, process.residentBytes), Figure(.cpuMicroseconds, process.cpuMicroseconds),
        ]
    }
}
