import Glibc
import Logging
import NIOCore
import SecamTLS
import SecamUsers
import SecamWire
import Synchronization

/// What all connections of a server share.
struct ViewerEnvironment: Sendable {
    let limits: ViewerLimits
    let software: String
    let authenticator: Authenticator
    let audit: AuditLog
    let limiter: ConnectionLimiter
    let counters: ViewerCounters
    let logger: Logger
    let hub: any CameraHub
    let relay: RelayServer

    /// Numbers viewers, so that answers find them.
    private static let lastViewer = Atomic<UInt64>(0)

    static func nextViewer() -> UInt64 { lastViewer.add(1, ordering: .relaxed).newValue }
}

/// One viewer's connection: carries out what its `ViewerSession` says. Sits behind the `TLSHandler`.
final class ViewerHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let tls: TLSHandler
    private let environment: ViewerEnvironment
    private let table: EventLoopViewers
    private let ticket: ConnectionLimiter.Ticket
    private let peer: String
    private let acceptedAt = NIODeadline.now()

    private var context: ChannelHandlerContext?
    /// From the end of the handshake on.
    private var session: ViewerSession?
    /// Who logged in, kept for the audit log when the session is over.
    private var loggedIn: User?
    private var inbound = ByteBuffer()

    private var isFrameInFlight = false
    private var isPumping = false
    /// Bytes of answers and lists that are not sent yet.
    private var answersInFlight = 0
    /// Bytes of recorded frames that are not sent yet.
    private var replayInFlight = 0
    private var isViewInFlight = false
    private var readIsHeld = false
    private var isClosing = false
    /// For answers about the past; made with the first question.
    private var looking: ArchiveClient?

    private var timer: Scheduled<Void>?
    private var timerDeadline: NIODeadline?
    private var frameTimer: Scheduled<Void>?

    init(
        tls: TLSHandler, environment: ViewerEnvironment, table: EventLoopViewers, ticket: ConnectionLimiter.Ticket,
        peer: String
    ) {
        self.tls = tls
        self.environment = environment
        self.table = table
        self.ticket = ticket
        self.peer = peer
    }

    var user: User? { session?.user }

    // MARK: - Life

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        table.add(self)
        armTimer()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        apply(session?.end(.done) ?? [])
        isClosing = true
        dropInbound()
        timer?.cancel()
        frameTimer?.cancel()
        table.remove(self)
        environment.limiter.release(ticket)
        if loggedIn != nil { environment.counters.viewers.subtract(1, ordering: .relaxed) }
        if let looking { environment.hub.look(.forget, from: looking) }
        self.context = nil
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshakeCompleted = event as? TLSEvent, !isClosing {
            session = ViewerSession(limits: environment.limits, software: environment.software, at: .now())
            armTimer()
        }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        environment.logger.debug("viewer's connection failed", metadata: ["peer": "\(peer)", "error": "\(error)"])
        context.close(promise: nil)
    }

    /// Says BYE and closes; a connection without a session yet is just closed.
    func close(_ reason: ByeReason, _ detail: String) {
        guard session != nil else {
            context?.close(promise: nil)
            return
        }
        apply(session?.close(reason, detail) ?? [])
    }

    // MARK: - Messages

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isClosing else { return }
        let arrived = unwrapInboundIn(data)
        let mayHoldPassword = user == nil
        append(arrived)
        let now = NIODeadline.now()
        apply(session?.countRead(of: arrived.readableBytes, at: now) ?? [])
        while !isClosing, inbound.readableBytes > 0, let actions = receiveNext(at: now) {
            apply(actions)
        }
        if mayHoldPassword { arrived.eraseReadableBytes() }
        // Without this, a message that is always cut at a read's end would let the buffer grow for ever.
        if inbound.readableBytes == 0 { inbound = ByteBuffer() } else { inbound.discardReadBytes() }
        pump()
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        context.flush()
        armTimer()
    }

    private func append(_ arrived: ByteBuffer) {
        guard user == nil else {
            if inbound.readableBytes == 0 { inbound = arrived } else { inbound.writeImmutableBuffer(arrived) }
            return
        }
        // A buffer of our own, so that what arrived can be erased, and none that grows and leaves a password behind.
        var grown = ByteBuffer()
        grown.reserveCapacity(inbound.readableBytes + arrived.readableBytes)
        grown.writeImmutableBuffer(inbound)
        grown.writeImmutableBuffer(arrived)
        inbound.eraseReadableBytes()
        inbound = grown
    }

    /// A LOGIN that is broken or cut off may be in it.
    private func dropInbound() {
        if loggedIn == nil { inbound.eraseReadableBytes() }
        inbound = ByteBuffer()
    }

    /// - Returns: nil when the message's end has not arrived yet.
    private func receiveNext(at now: NIODeadline) -> [ViewerSession.Action]? {
        let mayHoldPassword = user == nil
        let (consumed, actions) = unsafe inbound.withUnsafeReadableBytes { bytes in
            unsafe receiveFirst(of: bytes.bindMemory(to: UInt8.self).span, at: now)
        }
        if mayHoldPassword { inbound.getSlice(at: inbound.readerIndex, length: consumed)?.eraseReadableBytes() }
        inbound.moveReaderIndex(forwardBy: consumed)
        return actions
    }

    private func receiveFirst(
        of bytes: Span<UInt8>, at now: NIODeadline
    ) -> (consumed: Int, actions: [ViewerSession.Action]?) {
        guard let limit = session?.messageLimit else { return (0, nil) }
        do throws(WireError) {
            guard case .envelope(let envelope) = try Envelope.read(bytes, limit: limit),
                bytes.count >= envelope.messageLength
            else { return (0, nil) }
            let message = bytes.extracting(first: envelope.messageLength)
            return (envelope.messageLength, session?.receive(envelope, message, at: now))
        } catch {
            return (0, session?.malformed(error))
        }
    }

    private func apply(_ actions: [ViewerSession.Action]) {
        for action in actions {
            switch action {
            case .send(let bytes): send(ByteBuffer(bytes: bytes))
            case .authenticate(let login): authenticate(login)
            case .startFlow(let key):
                if let frame = table.startFlow(key, self) { offer(frame) }
            case .stopFlow(let key): table.stopFlow(key, self)
            case .follow(let follow, let cameras):
                let (history, serial) = table.events(since: follow.since, of: cameras)
                session?.showEvents(follow, history: history, serial: serial)
                sendEvents()
            case .look(let request): look(request)
            case .refused(let error):
                environment.counters.refused.add(1, ordering: .relaxed)
                environment.logger.debug(
                    "viewer's message refused", metadata: ["peer": "\(peer)", "error": "\(error)"])
            case .close(let reason): closeAfterSending(reason)
            }
        }
    }

    private func authenticate(_ login: Login) {
        guard let context else { return }
        let handler = NIOLoopBound(self, eventLoop: context.eventLoop)
        let answer = table.gate
        environment.limiter.verifies(ticket, true)
        let source = LoginPeer(address: peer, network: ticket.network, isHost: ticket.standing == .host)
        environment.authenticator.authenticate(login, from: source) { outcome in
            answer?.execute { handler.value.finishLogin(outcome) }
        }
    }

    private func finishLogin(_ checked: LoginOutcome) {
        environment.limiter.verifies(ticket, false)
        guard session?.state == .verifying else { return }
        var outcome = checked
        var view: VisibleCameras?
        var share: UserQuota?
        var detail: String?
        if case .accepted(let user, _, _) = checked {
            share = environment.limiter.loggedIn(ticket, user: user.name.text)
            if share != nil {
                view = table.view(for: user)
                loggedIn = user
                environment.counters.viewers.add(1, ordering: .relaxed)
            } else {
                (outcome, detail) = refuseSession(of: user)
            }
        }
        apply(
            session?.finishLogin(
                outcome, view: view, share: share, detail: detail, time: Self.utcMicroseconds(), at: .now()) ?? [])
        if case .accepted(let user, let counter, _) = outcome, let current = table.changed(user, since: counter) {
            accountChanged(to: current)
        }
        sendPendingView()
        context?.flush()
        armTimer()
    }

    private func refuseSession(of user: User) -> (LoginOutcome, detail: String) {
        environment.audit.record(
            .refusal, user: user.name.text, address: peer, network: ticket.network, reason: "too many sessions")
        return (
            .denied(.busy, wait: ViewerLimits.sessionWait),
            "at most \(environment.limiter.limits.connectionsPerUser) connections of one user at once; close one"
        )
    }

    // MARK: - Changes from outside

    func accountChanged(to current: User?) {
        apply(session?.accountChanged(to: current) ?? [])
        showCameras()
    }

    func showCameras() {
        guard let user else { return }
        apply(session?.show(table.view(for: user)) ?? [])
        sendPendingView()
        context?.flush()
    }

    /// One list at a time, so that a viewer that does not read gets the newest when it does.
    private func sendPendingView() {
        guard !isViewInFlight, let view = session?.takePendingView() else { return }
        isViewInFlight = true
        send(view.message) { handler in
            handler.isViewInFlight = false
            handler.sendPendingView()
            handler.context?.flush()
        }
    }

    // MARK: - Sending

    private func send(_ message: ByteBuffer, whenSent: ((ViewerHandler) -> Void)? = nil) {
        guard let context, !isClosing else { return }
        let count = message.readableBytes
        answersInFlight += count
        let promise = context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenComplete { result in
            self.answersInFlight -= count
            // What failed has closed the connection: nothing more is to be sent, from within which more would fail.
            guard case .success = result else { return }
            whenSent?(self)
            self.sendEvents()
            self.context?.flush()
            self.resumeReading()
        }
        context.write(wrapOutboundOut(message), promise: promise)
    }

    /// A viewer that asks and does not read the answers is not read either.
    func read(context: ChannelHandlerContext) {
        guard mayRead else {
            readIsHeld = true
            return
        }
        context.read()
    }

    private var mayRead: Bool {
        isClosing || answersInFlight <= ViewerLimits.answerBytes && replayInFlight <= ViewerLimits.replayBytes
    }

    private func resumeReading() {
        guard readIsHeld, mayRead else { return }
        readIsHeld = false
        context?.read()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        pump()
        context.fireChannelWritabilityChanged()
    }

    // MARK: - Events

    func offer(_ event: SharedEvent) {
        session?.offer(event)
        sendEvents()
        context?.flush()
    }

    /// As many as the viewer takes; what waits longer is overtaken by newer states of the same events.
    private func sendEvents() {
        while answersInFlight <= ViewerLimits.answerBytes, let message = session?.nextEvent() {
            send(message)
        }
    }

    // MARK: - The past

    private func look(_ request: ArchiveRequest) {
        guard let context, let gate = table.gate else { return }
        let handler = NIOLoopBound(self, eventLoop: context.eventLoop)
        let viewer =
            looking
            ?? ArchiveClient(
                id: ViewerEnvironment.nextViewer(),
                answer: { answer in gate.execute { handler.value.take(answer) } })
        looking = viewer
        environment.hub.look(request, from: viewer)
    }

    private func take(_ answer: ArchiveAnswer) {
        let verdict = session?.judge(answer) ?? .drop
        if verdict != .handOut, case .frame(_, let flow) = answer {
            if let looking { environment.hub.look(.close(flow: flow), from: looking) }
            if verdict == .end { send(ByteBuffer(bytes: CloseFlow(flow: flow, reason: .done).encoded())) }
            context?.flush()
        }
        guard verdict == .handOut else { return }
        switch answer {
        case .found(let found): send(ByteBuffer(bytes: found.encoded()))
        case .close(let close): send(ByteBuffer(bytes: close.encoded()))
        case .frame(let message, let flow):
            environment.counters.frames.add(1, ordering: .relaxed)
            environment.counters.bytes.add(UInt64(message.readableBytes), ordering: .relaxed)
            sendReplayed(message, flow)
        }
        context?.flush()
    }

    /// Not counted as an answer: what may be under way is bounded for itself.
    private func sendReplayed(_ message: ByteBuffer, _ flow: UInt32) {
        guard let context, !isClosing else { return }
        let count = message.readableBytes
        replayInFlight += count
        let promise = context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenComplete { result in
            self.replayInFlight -= count
            guard case .success = result else { return }
            if let looking = self.looking { self.environment.hub.look(.sent(flow: flow), from: looking) }
            self.resumeReading()
        }
        context.write(wrapOutboundOut(message), promise: promise)
    }

    // MARK: - Frames

    func offer(_ frame: SharedFrame) {
        if session?.offer(frame) == .replaced { environment.counters.skipped.add(1, ordering: .relaxed) }
        pump()
    }

    /// Sends frames as long as the viewer takes them: one at a time, so that what waits is always the newest.
    private func pump() {
        guard !isPumping, !isClosing else { return }
        isPumping = true
        while !isFrameInFlight, tls.isWritable, let frame = session?.nextFrame(at: .now()) {
            if let sent = tls.send(frame.message) {
                isFrameInFlight = true
                sent.assumeIsolated().whenComplete { _ in
                    self.isFrameInFlight = false
                    self.pump()
                }
            }
            environment.counters.frames.add(1, ordering: .relaxed)
            environment.counters.bytes.add(UInt64(frame.message.readableBytes), ordering: .relaxed)
        }
        isPumping = false
        if !isFrameInFlight { armFrameTimer() }
    }

    /// For a frame that only waits for its watch's interval.
    private func armFrameTimer() {
        guard frameTimer == nil, let due = session?.nextFrameDue, let context, due > .now() else { return }
        frameTimer = context.eventLoop.assumeIsolated().scheduleTask(deadline: due) {
            self.frameTimer = nil
            self.pump()
        }
    }

    // MARK: - Deadlines and the end

    private var deadline: NIODeadline? {
        guard let session else { return acceptedAt + environment.limits.handshakeTimeout }
        return session.deadline
    }

    /// The timer is not moved with each message: when it fires too early, it is set anew.
    private func armTimer() {
        guard !isClosing, let context, let deadline else { return }
        if let timerDeadline, timerDeadline <= deadline { return }
        timer?.cancel()
        timerDeadline = deadline
        timer = context.eventLoop.assumeIsolated().scheduleTask(deadline: deadline) {
            self.timerDeadline = nil
            self.deadlineReached()
        }
    }

    private func deadlineReached() {
        guard !isClosing else { return }
        if session == nil, acceptedAt + environment.limits.handshakeTimeout <= .now() {
            environment.logger.debug("viewer stalled in the TLS handshake", metadata: ["peer": "\(peer)"])
            context?.close(promise: nil)
            return
        }
        apply(session?.deadlineReached(at: .now()) ?? [])
        armTimer()
    }

    private func closeAfterSending(_ reason: ByeReason) {
        guard !isClosing else { return }
        isClosing = true
        if let loggedIn {
            environment.audit.record(
                reason == .revoked ? .revocation : .logout, user: loggedIn.name.text, address: peer,
                reason: "\(reason)")
        }
        dropInbound()
        timer?.cancel()
        guard let context, context.channel.isActive else { return }
        // Closing at once would let the kernel throw BYE away when something unread is left from the viewer.
        context.flush()
        context.close(mode: .output, promise: nil)
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: environment.limits.closeTimeout) {
            self.context?.close(promise: nil)
        }
        resumeReading()
    }

    private static func utcMicroseconds() -> Int64 {
        var now = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &now)
        return Int64(now.tv_sec) * 1_000_000 + Int64(now.tv_nsec) / 1_000
    }
}

@available(*, unavailable)
extension ViewerHandler: Sendable {}
