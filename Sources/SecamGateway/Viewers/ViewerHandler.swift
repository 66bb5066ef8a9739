import Logging
import NIOCore
import SecamBase
import SecamTLS
import SecamUsers
import SecamWeb
import SecamWire
import Synchronization

/// The state that all connections of a server share.
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
    /// `nil` when the gateway serves no HTTP.
    let web: WebEnvironment?

    private static let lastClient = Atomic<UInt64>(0)

    /// Returns a new number for a viewer, which identifies its requests to the archives.
    static func nextClient() -> UInt64 { lastClient.add(1, ordering: .relaxed).newValue }
}

/// One viewer's connection. It carries out the actions of its `ViewerSession`, and sits behind its transport.
final class ViewerHandler: ChannelDuplexHandler, GatewayConnection, FrameReceiver {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let transport: any ViewerTransport
    /// The session that takes the place of LOGIN, or of its password; `nil` for a login with a password.
    private var login: WebAccess?
    private let environment: ViewerEnvironment
    private let viewers: EventLoopViewers
    private let ticket: ConnectionLimiter.Ticket
    private let peer: String

    private var context: ChannelHandlerContext?
    private var session: ViewerSession
    /// The user who logged in, kept for the audit log when the session is over.
    private var loggedIn: User?
    /// What the user's connections share.
    private var quota: UserQuota?
    private var inbound = ByteBuffer()

    private var isFrameInFlight = false
    private var isPumping = false
    /// Bytes of unsent answers and camera lists.
    private var answersInFlight = 0
    /// Bytes of unsent recorded frames.
    private var replayInFlight = 0
    private var isViewInFlight = false
    private var readIsHeld = false
    private var isClosing = false
    /// Made with the first request to the archives.
    private var archiveClient: ArchiveClient?

    private var timer: Scheduled<Void>?
    private var timerDeadline: NIODeadline?
    private var frameTimer: Scheduled<Void>?

    init(
        transport: any ViewerTransport, login: WebAccess?, environment: ViewerEnvironment,
        viewers: EventLoopViewers, peer: ConnectionPeer
    ) {
        self.transport = transport
        self.login = login
        self.environment = environment
        self.viewers = viewers
        ticket = peer.ticket
        self.peer = peer.text
        session = ViewerSession(
            limits: environment.limits, software: environment.software, isLoggedIn: login != nil, at: .now())
    }

    var user: User? { session.user }
    /// The session whose end closes this connection.
    var sessionID: String? { login?.session?.id }

    // MARK: - Life

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        viewers.add(self)
        if let login { finishLogin(.accepted(login.user, asOf: login.asOf)) }
        armTimer()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        apply(session.end(.done))
        isClosing = true
        dropInbound()
        timer?.cancel()
        frameTimer?.cancel()
        viewers.remove(self)
        environment.limiter.release(ticket)
        if loggedIn != nil { environment.counters.viewers.subtract(1, ordering: .relaxed) }
        if let archiveClient { environment.hub.query(.disconnected, from: archiveClient) }
        self.context = nil
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard let event = event as? WebSocketEvent else { return context.fireUserInboundEventTriggered(event) }
        switch event {
        case .heard:
            apply(session.heard(at: .now()))
            checkLogin()
        case .ended(let failure):
            if let failure {
                environment.counters.messagesRejected.add(1, ordering: .relaxed)
                environment.logger.debug(
                    "message rejected", metadata: ["sender": "viewer \(peer)", "reason": "\(failure)"])
            }
            apply(session.end(failure == nil ? .done : .malformed))
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        environment.logger.debug("viewer connection failed", metadata: ["peer": "\(peer)", "reason": "\(error)"])
        context.close(promise: nil)
    }

    /// Sends BYE and closes the connection.
    func close(_ reason: ByeReason, _ detail: String) { apply(session.close(reason, detail)) }

    /// Closes the connection when the login that it depends on is over.
    private func checkLogin() {
        guard let login, let web = environment.web, web.current(login) == nil else { return }
        close(.revoked, "the session is over")
    }

    // MARK: - Messages

    /// Counts a read below TLS.
    ///
    /// - Returns: whether no user has logged in on this connection.
    func countRead(of bytes: Int) -> Bool {
        apply(session.countRead(of: bytes, at: .now()))
        return user == nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isClosing else { return }
        let arrived = unwrapInboundIn(data)
        if transport.deliversMessages {
            apply(receive(message: arrived, at: .now()))
            return pump()
        }
        let mayHoldPassword = user == nil
        append(arrived)
        let now = NIODeadline.now()
        while !isClosing, inbound.readableBytes > 0, let actions = receiveNext(at: now) {
            apply(actions)
        }
        if mayHoldPassword { arrived.eraseReadableBytes() }
        // Otherwise the buffer grows without limit when every read ends within a message.
        if inbound.readableBytes == 0 { inbound = ByteBuffer() } else { inbound.discardReadBytes() }
        pump()
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        context.flush()
        armTimer()
    }

    /// - Parameter message: must be one whole message.
    private func receive(message: ByteBuffer, at now: NIODeadline) -> [ViewerSession.Action] {
        unsafe message.withUnsafeReadableBytes { bytes in
            let span = unsafe bytes.bindMemory(to: UInt8.self).span
            do throws(WireError) {
                return session.receive(try Envelope.readWhole(span, limit: session.messageLimit), span, at: now)
            } catch {
                return session.malformed(error)
            }
        }
    }

    private func append(_ arrived: ByteBuffer) {
        guard user == nil else {
            if inbound.readableBytes == 0 { inbound = arrived } else { inbound.writeImmutableBuffer(arrived) }
            return
        }
        // A new buffer of exact size: the bytes that arrived can be erased, and no reallocation leaves a password behind.
        var grown = ByteBuffer()
        grown.reserveCapacity(inbound.readableBytes + arrived.readableBytes)
        grown.writeImmutableBuffer(inbound)
        grown.writeImmutableBuffer(arrived)
        inbound.eraseReadableBytes()
        inbound = grown
    }

    /// Erases the buffer before the login, since it may hold a password in a malformed or truncated LOGIN.
    private func dropInbound() {
        if loggedIn == nil { inbound.eraseReadableBytes() }
        inbound = ByteBuffer()
    }

    /// - Returns: `nil` when the message is not complete yet.
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
        do throws(WireError) {
            guard case .envelope(let envelope) = try Envelope.read(bytes, limit: session.messageLimit),
                bytes.count >= envelope.messageLength
            else { return (0, nil) }
            let message = bytes.extracting(first: envelope.messageLength)
            return (envelope.messageLength, session.receive(envelope, message, at: now))
        } catch {
            return (0, session.malformed(error))
        }
    }

    private func apply(_ actions: [ViewerSession.Action]) {
        for action in actions {
            switch action {
            case .send(let bytes): send(ByteBuffer(bytes: bytes))
            case .authenticate(let login): authenticate(login)
            case .endLogin: endLogin()
            case .startFlow(let key): viewers.startFlow(key, self)
            case .stopFlow(let key): viewers.stopFlow(key, self)
            case .follow(let follow, let cameras):
                let (history, serial) = viewers.events(since: follow.since, of: cameras)
                session.showEvents(follow, history: history, serial: serial)
                sendEvents()
            case .query(let request): query(request)
            case .rejected(let error):
                environment.counters.messagesRejected.add(1, ordering: .relaxed)
                environment.logger.debug(
                    "message rejected", metadata: ["sender": "viewer \(peer)", "reason": "\(error)"])
            case .close(let reason): closeAfterSending(reason)
            }
        }
    }

    private func authenticate(_ login: Login) {
        if login.password.count == 0, login.token != DeviceToken.none { return resumeLogin(login) }
        guard let context else { return }
        let handler = NIOLoopBound(self, eventLoop: context.eventLoop)
        let mailbox = viewers.mailbox
        environment.limiter.setVerifying(ticket, true)
        let source = LoginPeer(address: peer, network: ticket.network, isHost: ticket.standing == .host)
        let (web, client, address, logger) = (environment.web, session.viewerSoftware, peer, environment.logger)
        environment.authenticator.authenticate(login, from: source) { outcome in
            // An accepted login comes on a thread that may wait for the disk.
            web?.keepLogin(outcome, login, address: address, client: client, logger)
            mailbox?.execute { handler.value.finishLogin(outcome) }
        }
    }

    /// Accepts a session's token in place of the password. A wrong token does not count as a guess, because no user has
    /// an empty password.
    private func resumeLogin(_ login: Login) {
        guard let web = environment.web, let access = web.sessions.use(token: login.token),
            access.user.name.text == login.username
        else { return finishLogin(.denied(.credentials, wait: 0)) }
        self.login = WebAccess(access)
        finishLogin(.accepted(access.user, asOf: access.asOf))
    }

    /// Ends the session with all its connections, because its user logs out.
    private func endLogin() {
        guard let session = login?.session, let web = environment.web,
            web.sessions.end(session.id, of: session.user)
        else { return }
        environment.audit.record(
            .logout, user: session.user.text, address: peer, network: ticket.network, reason: "signed out")
        web.closeConnections(ofSession: session.id)
    }

    private func finishLogin(_ checked: LoginOutcome) {
        environment.limiter.setVerifying(ticket, false)
        guard session.state == .verifying else { return }
        var outcome = checked
        var view: VisibleCameras?
        var quota: UserQuota?
        var detail: String?
        if case .accepted(let user, _, _) = checked {
            quota = environment.limiter.recordLogin(ticket, user: user.name.text)
            self.quota = quota
            if quota != nil {
                view = viewers.view(for: user)
                loggedIn = user
                environment.counters.viewers.add(1, ordering: .relaxed)
            } else {
                (outcome, detail) = refuseSession(of: user)
            }
        }
        apply(
            session.finishLogin(
                outcome, view: view, quota: quota, detail: detail, time: WallClock.now, at: .now()))
        if case .accepted(let user, let counter, _) = outcome {
            switch viewers.change(of: user, since: counter) {
            case .unchanged: break
            case .removed: accountChanged(to: nil)
            case .changed(let current): accountChanged(to: current)
            }
        }
        sendPendingView()
        context?.flush()
        armTimer()
    }

    private func refuseSession(of user: User) -> (LoginOutcome, detail: String) {
        environment.audit.record(
            .refusal, user: user.name.text, address: peer, network: ticket.network, reason: "too many sessions")
        return (
            .denied(.busy, wait: ViewerLimits.sessionWaitSeconds),
            "at most \(environment.limiter.limits.connectionsPerUser) connections of one user at once; close one"
        )
    }

    // MARK: - Changes from outside

    func accountChanged(to current: User?) {
        apply(session.accountChanged(to: current))
        showCameras()
        checkLogin()
    }

    func showCameras() {
        guard let user else { return }
        apply(session.show(viewers.view(for: user)))
        sendPendingView()
        context?.flush()
    }

    /// Sends one camera list at a time. A viewer that does not read gets only the newest list when it reads again.
    private func sendPendingView() {
        guard !isViewInFlight, let view = session.takePendingView() else { return }
        isViewInFlight = true
        send(view.message) { handler in
            handler.isViewInFlight = false
            handler.sendPendingView()
            handler.context?.flush()
        }
    }

    // MARK: - Sending

    /// - Parameters:
    ///   - whenSent: called when the message was sent.
    ///   - whenDone: called when the message was sent or given up.
    private func send(
        _ message: ByteBuffer, whenSent: ((ViewerHandler) -> Void)? = nil, whenDone: (() -> Void)? = nil
    ) {
        guard let context, !isClosing else {
            whenDone?()
            return
        }
        let count = message.readableBytes
        answersInFlight += count
        let promise = context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenComplete { result in
            self.answersInFlight -= count
            whenDone?()
            // A failed write has closed the connection. Further writes from here would fail recursively.
            guard case .success = result else { return }
            whenSent?(self)
            self.sendEvents()
            self.context?.flush()
            self.resumeReading()
        }
        context.write(wrapOutboundOut(message), promise: promise)
    }

    /// Stops reading from a viewer that does not read its answers.
    func read(context: ChannelHandlerContext) {
        guard mayRead else {
            readIsHeld = true
            return
        }
        context.read()
    }

    private var mayRead: Bool {
        isClosing || answersInFlight <= ViewerLimits.answerBytes && replayInFlight <= ViewerLimits.replayPauseBytes
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
        session.offer(event)
        sendEvents()
        context?.flush()
    }

    /// Sends as many events as the viewer accepts. Newer states of the same events replace those that wait.
    private func sendEvents() {
        while answersInFlight <= ViewerLimits.answerBytes, let message = session.nextEvent() {
            send(message)
        }
    }

    // MARK: - Archives

    private func query(_ request: ArchiveRequest) {
        guard let context, let mailbox = viewers.mailbox else { return }
        let handler = NIOLoopBound(self, eventLoop: context.eventLoop)
        let client =
            archiveClient
            ?? ArchiveClient(
                id: ViewerEnvironment.nextClient(), user: loggedIn?.name.text ?? "",
                answer: { answer in mailbox.execute { handler.value.handle(answer) } })
        archiveClient = client
        environment.hub.query(request, from: client)
    }

    private func handle(_ answer: ArchiveAnswer) {
        let verdict = session.judge(answer)
        if verdict != .deliver, case .frame(_, let flow) = answer {
            if let archiveClient { environment.hub.query(.close(flow: flow), from: archiveClient) }
            if verdict == .endReplay { send(ByteBuffer(bytes: CloseFlow(flow: flow, reason: .done).encoded())) }
            context?.flush()
        }
        guard verdict == .deliver else { return }
        switch answer {
        case .found(let found): sendResults(ByteBuffer(bytes: found.encoded()))
        case .close(let close): send(ByteBuffer(bytes: close.encoded()))
        case .frame(let message, let flow):
            environment.counters.recordFrame(byteCount: message.readableBytes)
            sendReplayed(message, flow)
        }
        context?.flush()
    }

    private func sendResults(_ message: ByteBuffer) {
        let count = message.readableBytes
        guard let quota, quota.hasRoom(for: count) else {
            return close(.overload, "too many search results wait for this user's connections")
        }
        quota.addWaiting(count)
        send(message, whenDone: { quota.removeWaiting(count) })
    }

    /// Sends a recorded frame. Its bytes do not count as an answer, since they have a limit of their own.
    private func sendReplayed(_ message: ByteBuffer, _ flow: UInt32) {
        guard let context, !isClosing else { return }
        let count = message.readableBytes
        replayInFlight += count
        let promise = context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenComplete { result in
            self.replayInFlight -= count
            guard case .success = result else { return }
            if let archiveClient = self.archiveClient {
                self.environment.hub.query(.sent(flow: flow), from: archiveClient)
            }
            self.resumeReading()
        }
        context.write(wrapOutboundOut(message), promise: promise)
    }

    // MARK: - Frames

    func refuse(_ key: FlowKey, _ detail: String) {
        apply(session.refuse(key, detail))
        context?.flush()
    }

    func offer(_ frame: SharedFrame) {
        let bytes = frame.message.readableBytes
        guard bytes < ViewerLimits.largeFrame || quota?.hasRoom(for: bytes) ?? true else {
            environment.counters.skipped.add(1, ordering: .relaxed)
            return
        }
        if session.offer(frame) == .replaced { environment.counters.skipped.add(1, ordering: .relaxed) }
        pump()
    }

    /// Sends frames while the viewer accepts them: one at a time, so that the slots always hold the newest.
    private func pump() {
        guard !isPumping, !isClosing else { return }
        isPumping = true
        while !isFrameInFlight, transport.isWritable, let frame = session.nextFrame(at: .now()) {
            if let sent = transport.send(frame.message) {
                isFrameInFlight = true
                let bytes = frame.message.readableBytes
                let waiting = bytes < ViewerLimits.largeFrame ? 0 : bytes
                if waiting > 0 { quota?.addWaiting(waiting) }
                sent.assumeIsolated().whenComplete { _ in
                    if waiting > 0 { self.quota?.removeWaiting(waiting) }
                    self.isFrameInFlight = false
                    self.pump()
                }
            }
            environment.counters.recordFrame(byteCount: frame.message.readableBytes)
        }
        isPumping = false
        if !isFrameInFlight { armFrameTimer() }
    }

    /// Schedules `pump` for a frame that waits for nothing but its watch's interval.
    private func armFrameTimer() {
        guard frameTimer == nil, let due = session.nextFrameDue, let context, due > .now() else { return }
        frameTimer = context.eventLoop.assumeIsolated().scheduleTask(deadline: due) {
            self.frameTimer = nil
            self.pump()
        }
    }

    // MARK: - Deadlines and closing

    /// Sets the timer for the session's deadline. The timer does not move with each message: when it fires too early, it
    /// is set again.
    private func armTimer() {
        guard !isClosing, let context, let deadline = session.deadline else { return }
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
        apply(session.deadlineReached(at: .now()))
        armTimer()
    }

    private func closeAfterSending(_ reason: ByeReason) {
        guard !isClosing else { return }
        isClosing = true
        // A login in a browser outlives its connections.
        if let loggedIn, login == nil || reason == .revoked {
            environment.audit.record(
                reason == .revoked ? .revocation : .logout, user: loggedIn.name.text, address: peer,
                reason: "\(reason)")
        }
        dropInbound()
        timer?.cancel()
        guard let context, context.channel.isActive else { return }
        // Only the output is closed: when unread bytes from the viewer are left, the kernel discards BYE at a full close.
        context.flush()
        transport.end(reason)
        context.close(mode: .output, promise: nil)
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: environment.limits.closeTimeout) {
            self.context?.close(promise: nil)
        }
        resumeReading()
    }
}

@available(*, unavailable)
extension ViewerHandler: Sendable {}
