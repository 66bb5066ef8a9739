import Logging
import SecamBase
import SecamMesh
import SecamProcess
import SecamWire

/// One camera: its ring, its flows and its work, on the mesh's loop.
actor CameraService {
    private let loop: MeshLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }

    private let configuration: CaptureConfiguration
    private let keys: KeyPair
    private let logger: Logger
    private let member: MeshMember
    private let socket: MeshSocket
    private let passage = InFlightLimit()
    private var thread: CaptureThread?
    private var ring = Ring(seconds: 30, bytes: 64 << 20)
    private var flows: FlowServer
    private var pool = WorkPool<CapturedPicture>()
    private var demand = CaptureDemand()
    private var spool: CameraSpool?
    private var events = ActiveEvents()
    private var eventSequence: UInt64 = 0
    /// What is made also when nobody has a flow on it.
    private var kept: RenditionSet = []
    /// Motion is to be looked for.
    private var isWatchWanted = false
    /// What the device says of itself.
    private var report: CameraReport
    /// Since when pictures wait and no encoder is there.
    private var unservedSince: MonotonicTime?
    private var workTimer: LoopTimer?
    private var secondTimer: LoopTimer?

    /// The keys of those who have flows or do work.
    private var peers: [PeerID: PublicKey] = [:]

    private var captured: UInt64 = 0
    /// UTC microseconds of the last picture that was captured, and how far behind it the last one was that came back.
    private var newest: Int64 = 0
    private var lag: Int64 = 0
    private var damaged: UInt64 = 0
    private var refused: UInt64 = 0
    private var published: UInt64 = 0
    private var messages = MessageBudget(limit: CameraService.messagesPerKey)

    /// Messages that one key may send in a second: many times what 128 encoders, or the gateway, have to say.
    private static let messagesPerKey = 8192
    /// Microseconds between two looks at late jobs, while there are any.
    private static let workTick: Int64 = 40_000
    /// Microseconds by which a picture may be behind the newest one and be live.
    private static let longestLag: Int64 = 1_000_000
    /// Microseconds without an encoder after which people are told.
    private static let unservedTime: Int64 = 1_000_000

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
        report = CameraReport(
            state: .starting, format: nil, width: 0, height: 0, frameRate: 0, since: WallClock.now,
            source: configuration.sourceText, detail: "")
    }

    /// Starts a camera. Called on the loop's thread.
    static func start(
        _ configuration: CaptureConfiguration, identity: Identity, name: Name, loop: MeshLoop, logger: Logger
    ) throws -> CameraService {
        let member = try MeshMember(identity, name: name, loop: loop, logger: logger)
        let socket = try member.listen(
            at: configuration.listen ?? identity.suitableListen, advertised: configuration.advertised)
        let service = CameraService(
            configuration: configuration, keys: identity.keys, member: member, socket: socket, logger: logger)
        try service.assumeIsolated { try $0.begin() }
        return service
    }

    private func openSpool(_ settings: SpoolSettings) {
        let loop = loop
        let tell: @Sendable (SpoolNews) -> Void = { [self] news in
            loop.post { self.assumeIsolated { $0.take(news) } }
        }
        let timer = loop.makeTimer { [unowned self] in assumeIsolated { $0.spool?.tick() } }
        let spool = Spool(settings, keys: keys, logger: logger, tell: tell)
        self.spool = CameraSpool(spool, incarnation: member.incarnation, timer: timer) { [unowned self] action in
            assumeIsolated { $0.perform(action) }
        }
    }

    /// Ends all flows, leaves, and stops the device; see `waitUntilStopped`.
    func stop() {
        // What no archive has acknowledged would be gone with the ring.
        for frame in ring.frames(.jpeg) { keepIfOwed(frame) }
        spool?.stop()
        perform(flows.closeAll(.shutdown))
        perform(pool.abandonAll("the camera stops"))
        workTimer?.cancel()
        secondTimer?.cancel()
        loop.unwatch(socket)
        member.stop()
        thread?.stop()
    }

    private let stopped = AsyncStream<Void>.makeStream()

    /// Returns when the device is closed, and what is kept is on the disk.
    func waitUntilStopped() async {
        for await _ in stopped.stream {}
        await spool?.written.waitUntilStopped()
    }

    private func begin() throws {
        if let settings = configuration.spool { openSpool(settings) }
        let socket = socket
        loop.watch(socket) { [unowned self] in assumeIsolated { $0.receive() } }
        let workTimer = loop.makeTimer { [unowned self] in assumeIsolated { $0.lookAtWork() } }
        self.workTimer = workTimer
        let secondTimer = loop.makeTimer { [unowned self] in assumeIsolated { $0.everySecond() } }
        secondTimer.schedule(everyMicroseconds: 1_000_000)
        self.secondTimer = secondTimer
        member.figures = { [unowned self] in assumeIsolated { $0.figures() } }
        member.onRoster = { [unowned self] _, _ in assumeIsolated { $0.loseStrangers() } }
        member.onPolicy = { [unowned self] policy in assumeIsolated { $0.adopt(policy) } }
        try member.start()
        let loop = loop
        let finished = stopped.continuation
        let configuration = configuration
        let passage = passage
        thread = CaptureThread(
            open: { (cancellation) throws(SourceFailure) in try configuration.open(cancellation) },
            deliver: { [self] event in
                if case .picture(let picture) = event, !passage.enter(bytes: picture.byteCount) { return }
                loop.post { self.assumeIsolated { $0.take(event) } }
            },
            stopped: { finished.finish() })
    }

    // MARK: From the device

    private func take(_ event: CaptureEvent) {
        switch event {
        case .picture(let picture):
            passage.leave(bytes: picture.byteCount)
            take(picture)
        case .damaged(let reason):
            damaged += 1
            logger.debug("a damaged picture was left out", metadata: ["reason": "\(reason)"])
        case .state(let state, let format, let detail): take(state, format, detail)
        }
    }

    private func take(_ picture: CapturedPicture) {
        captured += 1
        newest = picture.timestamp
        if let jpeg = picture.jpeg { append(picture, .jpeg, .jpeg, picture.width, picture.height, jpeg) }
        if let map = picture.luma { append(picture, .luma, .gray8, map.width, map.height, map.bytes[...]) }
        if let work = picture.work {
            perform(pool.submit(picture, job: picture.job, bytes: work.count, now: .now))
            if let workTimer, !workTimer.isScheduled {
                workTimer.schedule(everyMicroseconds: CameraService.workTick)
            }
        }
        perform(flows.pump(ring))
    }

    private func take(_ state: CameraState, _ format: SourceFormat?, _ detail: String) {
        let isNews = state != report.state || detail != report.detail
        let since = state == report.state ? report.since : WallClock.now
        report = CameraReport(
            state: state, format: format?.pixelFormat, width: UInt16(clamping: format?.width ?? 0),
            height: UInt16(clamping: format?.height ?? 0),
            frameRate: CameraService.thousandths(format?.framesPerSecond),
            since: since, source: configuration.sourceText, detail: detail)
        tellState()
        guard isNews else { return }
        switch state {
        case .online: logger.info("camera online", metadata: ["format": "\(detail)"])
        case .offline: logger.warning("camera offline", metadata: ["reason": "\(detail)"])
        case .idle, .starting, .waiting: logger.debug("camera state changed", metadata: ["state": "\(state)"])
        }
    }

    private func tellState() {
        guard let since = unservedSince, report.state == .online,
            MonotonicTime.now.since(since) >= CameraService.unservedTime
        else { return member.report(report) }
        member.report(
            CameraReport(
                state: .waiting, format: report.format, width: report.width, height: report.height,
                frameRate: report.frameRate, since: WallClock.now - MonotonicTime.now.since(since),
                source: report.source, detail: "no encoder takes its pictures; is secam-encode running?"))
    }

    /// Notices when encoders are missing, and when they are back.
    private func lookForEncoders() {
        guard pool.isBusy, pool.workerCount == 0 else {
            guard unservedSince != nil else { return }
            unservedSince = nil
            return tellState()
        }
        guard let since = unservedSince else {
            unservedSince = .now
            return
        }
        let age = MonotonicTime.now.since(since)
        guard (CameraService.unservedTime..<2 * CameraService.unservedTime).contains(age) else { return }
        tellState()
    }

    /// A device's rate as it stands in messages; what is absurd counts as unknown.
    private static func thousandths(_ framesPerSecond: Double?) -> UInt32 {
        guard let rate = framesPerSecond, (0...100_000).contains(rate) else { return 0 }
        return UInt32(rate * 1000)
    }

    private func take(_ news: SpoolNews) {
        spool?.take(news)
        flows.spooledFrom = spool?.oldest
    }

    private func append(
        _ picture: CapturedPicture, _ rendition: Rendition, _ format: PixelFormat, _ width: UInt16, _ height: UInt16,
        _ bytes: ArraySlice<UInt8>
    ) {
        if rendition == .jpeg { published += 1 }
        let evicted = ring.append(
            RingFrame(
                rendition: rendition, format: format, sequence: picture.sequence, timestamp: picture.timestamp,
                arrived: .now, width: width, height: height, bytes: bytes))
        for frame in evicted { keepIfOwed(frame) }
    }

    /// Keeps a frame that goes from the ring, or whose ring goes, for an archive that is away.
    private func keepIfOwed(_ frame: RingFrame) {
        guard let spool, frame.rendition == .jpeg, kept.contains(.jpeg), flows.isOwed(frame.sequence) else { return }
        spool.keep(frame)
        flows.spooledFrom = spool.oldest
    }

    // MARK: From the mesh

    private func receive() {
        // Bounded, so that one peer's flood does not keep the device's pictures waiting.
        for _ in 0..<64 {
            guard let received = socket.receive() else { return }
            handle(received)
        }
    }

    private func handle(_ received: Received) {
        guard let peer = received.peer, let key = received.key, let role = member.role(of: key) else {
            return refuse("its key is not on the roster", received)
        }
        guard messages.allows(key, now: .now) else {
            refuse("its key sends too many messages", received)
            // As below: its jobs must not be waited for.
            if role == .encode { perform(pool.lost(peer, now: .now)) }
            return
        }
        peers[peer] = key
        do throws(WireError) {
            try received.message.withBytes { (bytes) throws(WireError) in
                let envelope = try Envelope.readWhole(bytes, limit: WireLimits.meshMessage)
                try handle(envelope, bytes, received, FlowServer.Consumer(peer: peer, key: key, role: role))
            }
        } catch {
            refuse("\(error)", received)
            // It may have been an answer: a worker that cannot be understood begins anew with its next grant.
            if role == .encode { perform(pool.lost(peer, now: .now)) }
        }
        changeDemand()
    }

    private func handle(
        _ envelope: Envelope, _ bytes: Span<UInt8>, _ received: Received, _ sender: FlowServer.Consumer
    ) throws(WireError) {
        let (now, peer, role) = (MonotonicTime.now, sender.peer, sender.role)
        guard role.maySend(envelope.type) else {
            if envelope.type == .openFlow {
                forbid(try OpenFlow.decode(bytes, envelope).flow, to: sender)
            }
            return refuse("\(role) may not send \(envelope.type)", received)
        }
        switch envelope.type {
        case .openFlow:
            let open = try OpenFlow.decode(bytes, envelope)
            if open.content == .spooled {
                guard role == .archive else { return forbid(open.flow, to: sender) }
                // Without a spool the flow is answered as one that is at its end.
                if let spool { return spool.open(open, from: peer) }
            }
            record(events.end { $0 == peer && $1 == open.flow })
            perform(flows.open(open, from: sender, ring, now: now))
        case .detection:
            try take(Detection.decode(bytes, envelope), sender, received)
        case .credit:
            let credit = try Credit.decode(bytes, envelope)
            guard spool?.credit(credit, from: peer) != true else { return }
            perform(flows.credit(credit, from: peer, ring, now: now))
        case .acknowledge:
            let acknowledge = try Acknowledge.decode(bytes, envelope)
            guard spool?.acknowledge(acknowledge, from: peer) != true else { return }
            perform(flows.acknowledge(acknowledge, from: peer, now: now))
        case .closeFlow:
            let close = try CloseFlow.decode(bytes, envelope)
            guard spool?.close(close, from: peer) != true else { return }
            flows.close(close, from: peer)
            endOrphans()
        case .grant:
            let grant = try Grant.decode(bytes, envelope)
            let camera = member.holder(of: sender.key).flatMap { DedicatedEncoders.camera(ofEncoder: $0.name) }
            guard camera == nil || camera == member.name.text else {
                return refuse("an encoder of '\(camera!)' may not see this camera", received)
            }
            perform(pool.grant(grant.jobs, from: peer, key: sender.key, isOwn: camera != nil, now: now))
        case .result:
            let (result, _) = try WorkResult.decode(bytes, envelope)
            perform(
                pool.result(
                    job: result.job, received.message, failure: result.failure, from: peer, now: now))
            perform(flows.pump(ring))
        default:
            throw .unknownType(envelope.type.rawValue)
        }
    }

    private func forbid(_ flow: UInt32, to sender: FlowServer.Consumer) {
        perform([
            .close(CloseFlow(flow: flow, reason: .forbidden, detail: "not for \(sender.role)"), to: sender.peer)
        ])
    }

    private func refuse(_ reason: String, _ received: Received) {
        refused += 1
        logger.warning(
            "message rejected",
            metadata: ["sender": "key \(received.key?.description ?? "none")", "reason": "\(reason)"])
    }

    // MARK: Events

    private func take(_ detection: Detection, _ sender: FlowServer.Consumer, _ received: Received) {
        let hasFlow = flows.mapFlows.contains { $0.peer == sender.peer && $0.flow == detection.flow }
        do throws(ActiveEvents.Refusal) {
            record([
                try events.take(
                    detection, from: sender.peer, key: sender.key, hasFlow: hasFlow, newest: newest, now: .now)
            ])
        } catch {
            refuse("an event of motion has no place: \(error)", received)
        }
    }

    /// Ends what motion services left behind whose flows are gone.
    private func endOrphans() {
        let open = flows.mapFlows
        record(events.end { peer, flow in !open.contains { $0.peer == peer && $0.flow == flow } })
    }

    /// Writes into the log.
    private func record(_ news: [CameraEvent]) {
        for event in news {
            eventSequence += 1
            ring.append(RingEvent(sequence: eventSequence, event: event))
        }
        if !news.isEmpty { perform(flows.pumpEvents(ring)) }
    }

    private func lookForWatchers() {
        let isWatched = flows.mapFlows.contains { flow in
            peers[flow.peer].flatMap { member.role(of: $0) } == .motion
        }
        let news = events.tick(
            isWanted: isWatchWanted, isWatched: isWatched, now: .now, time: WallClock.now,
            id: .random(in: 1...UInt64.max))
        record(news.map { [$0] } ?? [])
    }

    // MARK: To the mesh

    private func perform(_ actions: [FlowServer.Action]) {
        for action in actions {
            let outcome: MeshSocket.SendOutcome
            let receiver: PeerID
            switch action {
            case .frame(let frame, let bytes, let peer):
                // A copy each, since the flow's number stands in the same piece: 60 kB, a twentieth of the encryption.
                let message = MeshMessage(frame.encoded(payload: bytes.count), payload: bytes)
                (outcome, receiver) = (socket.send(message, to: peer), peer)
            case .event(let event, let peer): (outcome, receiver) = (socket.send(event, to: peer), peer)
            case .gap(let gap, let peer): (outcome, receiver) = (socket.send(gap, to: peer), peer)
            case .close(let close, let peer): (outcome, receiver) = (socket.send(close, to: peer), peer)
            }
            if outcome == .unreachable { lose(receiver) }
        }
    }

    private func perform(_ action: SpoolFlow.Action) {
        switch action {
        case .send(let frame, let bytes, let peer): perform([.frame(frame, bytes, to: peer)])
        case .close(let close, let peer): perform([.close(close, to: peer)])
        case .rewind, .read, .acknowledge: preconditionFailure("the spool does that itself")
        }
    }

    private func perform(_ actions: [WorkPool<CapturedPicture>.Action]) {
        var unreachable: [PeerID] = []
        for action in actions {
            switch action {
            case .send(_, let picture, let peer):
                guard let work = picture.work else { preconditionFailure("only pictures with work are in the pool") }
                if socket.send(work, to: peer) == .unreachable { unreachable.append(peer) }
            case .finished(let picture, .made(let message)):
                lookAtLag(of: picture)
                publish(picture, message)
                // Each by itself: of frames that waited for a late one, a flow of the latest would only get the last.
                perform(flows.pump(ring))
            case .finished(let picture, .dropped(let reason)):
                noteDrop(picture, reason)
            }
        }
        // Only now, as this may finish later pictures, which must not overtake those here.
        for peer in unreachable { lose(peer) }
    }

    /// After a pause encoders work off what has waited. Whoever wants the newest picture is not to see all that first; but
    /// it is shown when they do not catch up.
    private func lookAtLag(of picture: CapturedPicture) {
        let now = newest - picture.timestamp
        flows.catchingUp = now > CameraService.longestLag && now < lag ? picture.asked : []
        lag = now
    }

    /// Whoever is not on the roster any more gets nothing more, at once.
    private func loseStrangers() {
        for (peer, key) in peers where member.role(of: key) == nil { lose(peer) }
    }

    private func lose(_ peer: PeerID) {
        peers[peer] = nil
        flows.lost(peer)
        spool?.lost(peer)
        endOrphans()
        perform(pool.lost(peer, now: .now))
    }

    /// Puts into the ring what an encoder made, as far as it is what was asked for.
    private func publish(_ picture: CapturedPicture, _ message: MeshMessage) {
        do throws(WireError) {
            try message.withBytes { (bytes) throws(WireError) in
                let envelope = try Envelope.readWhole(bytes, limit: WireLimits.meshMessage)
                let (result, payload) = try WorkResult.decode(bytes, envelope)
                // All of it is checked before any is used (proto-spec/work.md).
                guard result.fits(picture, bytes: payload.count) else { throw .badValue(field: "renditions") }
                var start = payload.lowerBound
                for made in result.renditions {
                    let end = start + Int(made.length)
                    // Copied out, so that the ring's bytes are just what it counts.
                    let copy = [UInt8](copying: bytes.extracting(start..<end))
                    guard (ring.newest(made.rendition)?.sequence ?? 0) < picture.sequence else {
                        throw .badValue(field: "renditions")
                    }
                    append(picture, made.rendition, made.format, made.width, made.height, copy[...])
                    start = end
                }
            }
        } catch {
            refused += 1
            logger.warning("encoder result rejected", metadata: ["reason": "\(error)"])
        }
    }

    private func noteDrop(_ picture: CapturedPicture, _ reason: String) {
        logger.warning("frame dropped", metadata: ["reason": "\(reason)", "sequence": "\(picture.sequence)"])
    }

    // MARK: Time and policy

    private func lookAtWork() {
        perform(pool.tick(now: .now))
        if !pool.isBusy {
            workTimer?.pause()
            flows.catchingUp = []
        }
        perform(flows.pump(ring))
    }

    private func everySecond() {
        flows.tick(now: .now)
        spool?.tick()
        endOrphans()
        lookForWatchers()
        perform(pool.tick(now: .now))
        lookForEncoders()
        messages.tick(now: .now)
        peers = peers.filter { flows.knows($0.key) || pool.knows($0.key) || spool?.knows($0.key) == true }
        changeDemand()
    }

    private func adopt(_ policy: Policy) {
        guard policy.camera == member.name else { return }
        isWatchWanted = policy.watched
        kept = policy.kept
        demand.quality = policy.quality
        demand.subWidth = policy.subWidth
        ring.longest = Int64(policy.ringSeconds) * 1_000_000
        flows.absence = ring.longest
        ring.largest = Int(clamping: policy.ringBytes)
        thread?.demand(demand)
        changeDemand()
    }

    private func changeDemand() {
        // What is kept is for who comes later, and wants all of it.
        pool.isPatient = flows.wantsEveryFrame(now: .now) || kept.contains(.jpeg)
        var wanted = demand
        wanted.renditions = flows.demand(now: .now).union(kept)
        wanted.lumaInterval = flows.interval(.luma) ?? 0
        guard wanted != demand else { return }
        demand = wanted
        thread?.demand(wanted)
    }

    private func figures() -> [Figure] {
        let process = ProcessFigures.current
        return [
            Figure(.framesCaptured, captured), Figure(.framesDamaged, damaged),
            Figure(.framesDropped, pool.dropped + passage.turnedAway),
            Figure(.framesSkipped, flows.framesSkipped), Figure(.framesPublished, published),
            Figure(.bytesPublished, flows.bytesSent),
            Figure(.workSent, pool.sent), Figure(.workRepeated, pool.repeated),
            Figure(.creditFromWorkers, UInt64(pool.credit)), Figure(.flowsOpen, UInt64(flows.count)),
            Figure(.ringBytes, UInt64(ring.byteCount)), Figure(.framesSpooled, spool?.figures.frames ?? 0),
            Figure(.bytesSpooled, spool?.figures.bytes ?? 0), Figure(.messagesRefused, refused + socket.refused),
            Figure(.residentBytes, process.residentBytes), Figure(.cpuMicroseconds, process.cpuMicroseconds),
        ]
    }
}

extension Role {
    /// What a camera takes from whom.
    fileprivate func maySend(_ type: MessageType) -> Bool {
        switch type {
        case .openFlow, .credit, .acknowledge, .closeFlow: self == .gateway || self == .archive || self == .motion
        case .detection: self == .motion
        case .grant, .result: self == .encode
        default: false
        }
    }
}

extension WorkResult {
    /// Whether it holds each rendition that was asked for once, nothing else, none larger than its picture, and fills its
    /// payload.
    func fits(_ picture: CapturedPicture, bytes: Int) -> Bool {
        let made = renditions.reduce(into: RenditionSet()) { $0.insert(RenditionSet($1.rendition)) }
        return made == picture.asked && renditions.count == picture.asked.rawValue.nonzeroBitCount
            && renditions.allSatisfy { $0.length > 0 && $0.fits(picture) }
            && renditions.reduce(0) { $0 + Int($1.length) } == bytes
    }
}

extension WorkResult.Made {
    /// Bytes of a JPEG's headers.
    private static let headers = 4096

    /// A luma map has a byte for each pixel. The others are JPEGs, of at most three bytes for each pixel of the whole
    /// blocks that cover the picture: no encoder makes more, even of noise in the best quality.
    fileprivate func fits(_ picture: CapturedPicture) -> Bool {
        guard width <= picture.width, height <= picture.height else { return false }
        switch rendition {
        case .jpeg, .sub:
            let blocks = ((Int(picture.width) + 15) / 16, (Int(picture.height) + 15) / 16)
            return format == .jpeg && Int(length) <= blocks.0 * blocks.1 * 16 * 16 * 3 + Self.headers
        case .luma: return format == .gray8 && Int(length) == Int(width) * Int(height)
        }
    }
}
