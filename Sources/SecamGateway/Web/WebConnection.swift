import Dispatch
import Logging
import NIOCore
import SecamBase
import SecamMesh
import SecamTLS
import SecamUsers
import SecamWeb
import SecamWire

/// One HTTP connection, with the gateway behind it. It holds the connection's place until a viewer takes it over.
final class WebConnection: WebBackend, GatewayConnection, FrameReceiver {
    private let tls: TLSHandler
    private let pacer: ReadPacer
    private let peer: ConnectionPeer
    private let environment: ViewerEnvironment
    private let web: WebEnvironment
    private let viewers: EventLoopViewers
    /// The client of the present request: the peer, or the one that a trusted proxy names.
    private var client: LoginPeer
    /// The quota of the last request's user.
    private var quota: UserQuota?
    private var subscription: Subscription?
    /// The events that wait for the client.
    private var waitingEvents = EventSlots()
    private lazy var archives = WebArchiveClient(hub: environment.hub, mailbox: viewers.mailbox, tls: tls)

    /// What the client of a stream watches or follows.
    private struct Subscription {
        enum Content {
            case frames(FlowKey, onPicture: (LivePicture) -> Void, onRefusal: () -> Void)
            case events(onEvent: () -> Void)
        }

        var access: WebAccess
        var checked: NIODeadline
        let content: Content
        let onEnd: () -> Void
    }

    /// Time between two checks whether a stream's access is over by its time limits.
    private static let checkInterval = TimeAmount.seconds(20)

    init(
        tls: TLSHandler, pacer: ReadPacer, peer: ConnectionPeer, environment: ViewerEnvironment, web: WebEnvironment,
        viewers: EventLoopViewers
    ) {
        self.tls = tls
        self.pacer = pacer
        self.peer = peer
        self.environment = environment
        self.web = web
        self.viewers = viewers
        client = Self.client(peer)
        viewers.add(self)
    }

    // MARK: - Connection

    private static func client(_ peer: ConnectionPeer) -> LoginPeer {
        LoginPeer(address: peer.text, network: peer.ticket.network, isHost: peer.ticket.standing == .host)
    }

    func beginRequest(forwardedFor: [String]) {
        client = Self.client(peer)
        // The last address is the one that the proxy itself saw; a client can write the others.
        guard web.trustedProxies.contains(peer.address), let last = forwardedFor.last?.split(separator: ",").last,
            let address = ProxyAddresses.normalized(last)
        else { return }
        client = LoginPeer(address: address, network: SourceNetwork.of(address))
    }

    var isTrusted: Bool { !tls.isSelfSigned }

    var isWritable: Bool { tls.isWritable }

    func send(header: ByteBuffer, _ bytes: ByteBuffer) -> EventLoopFuture<Void>? {
        environment.counters.recordFrame(byteCount: bytes.readableBytes)
        return tls.send(header: header, bytes)
    }

    func close(_ reason: ByeReason, _ detail: String) { tls.close() }

    func connectionClosed() {
        archives.forget(quota)
        viewers.remove(self)
        environment.limiter.release(peer.ticket)
    }

    /// Counts a read below TLS.
    ///
    /// - Returns: whether no user's request has come over this connection.
    func countRead(of bytes: Int) -> Bool {
        guard let quota else { return true }
        do throws(UserQuota.Refusal) {
            try quota.countRead(of: bytes, at: .now())
        } catch {
            tls.close()
        }
        return false
    }

    // MARK: - Logins

    func logIn(_ login: Login, client: String, completion: @escaping (WebLoginResult) -> Void) {
        let source = self.client.address
        let address = source == peer.text ? peer.address : source
        let (web, logger) = (web, environment.logger)
        authenticate(
            login,
            transform: { outcome -> WebLoginResult in
                // An accepted login comes on a thread that may wait for the disk.
                Self.createSession(outcome, web.sessions, address, client, logger)
            }, completion)
    }

    func check(user: String, password: String, completion: @escaping (WebPasswordResult) -> Void) {
        if let access = web.passwords.user(user, password, web.sessions) { return completion(.accepted(access)) }
        let web = web
        authenticate(
            Login(username: user, password: password),
            transform: { outcome -> WebPasswordResult in
                switch outcome {
                case .denied(let reason, let wait): return .denied(reason, wait: wait)
                case .accepted(let user, let counter, _):
                    web.passwords.insert(user, password)
                    return .accepted(WebAccess(user: user, asOf: counter, proof: .password))
                }
            }, completion)
    }

    /// - Parameter transform: called on a thread that may block.
    private func authenticate<Result: Sendable>(
        _ login: Login, transform: @escaping @Sendable (LoginOutcome) -> Result,
        _ completion: @escaping (Result) -> Void
    ) {
        guard let eventLoop = tls.eventLoop, let mailbox = viewers.mailbox else { return }
        let ticket = peer.ticket
        let source = client
        let limiter = environment.limiter
        limiter.setVerifying(ticket, true)
        let completion = NIOLoopBound(completion, eventLoop: eventLoop)
        environment.authenticator.authenticate(login, from: source) { outcome in
            let result = transform(outcome)
            mailbox.execute {
                limiter.setVerifying(ticket, false)
                completion.value(result)
            }
        }
    }

    private static func createSession(
        _ outcome: LoginOutcome, _ sessions: SessionStore, _ address: String, _ client: String, _ logger: Logger
    ) -> WebLoginResult {
        switch outcome {
        case .denied(let reason, let wait): return .denied(reason, wait: wait)
        case .accepted(let user, let counter, let device):
            do throws(UsersError) {
                let created = try sessions.create(for: user, asOf: counter, address: address, client: client)
                // Without one, the user's password changed meanwhile.
                return created.map { .accepted(token: $0.token, device: device) } ?? .denied(.credentials, wait: 0)
            } catch {
                logger.error("session not stored", metadata: ["reason": "\(error)"])
                return .failed
            }
        }
    }

    func change(_ change: AccountChange, _ login: Login, completion: @escaping (AccountChangeResult) -> Void) {
        let changer = accountChanger
        authenticate(login, transform: { changer.apply(change, $0, user: login.username) }, completion)
    }

    private var accountChanger: AccountChanger {
        AccountChanger(web.accounts, web.sessions, environment.audit, client, environment.logger)
    }

    func secondFactor(of user: Name) -> SecondFactorStatus { web.sessions.secondFactor(of: user) }

    func tokens(of user: Name) -> [AccessToken] { web.sessions.tokens(of: user) }

    func removeToken(_ id: String, of user: Name, completion: @escaping (Bool) -> Void) {
        guard let eventLoop = tls.eventLoop, let mailbox = viewers.mailbox else { return }
        let changer = accountChanger
        let completion = NIOLoopBound(completion, eventLoop: eventLoop)
        // SQLite may wait for the disk.
        DispatchQueue.global(qos: .utility).async {
            let isRemoved = changer.removeToken(id, of: user)
            mailbox.execute { completion.value(isRemoved) }
        }
    }

    func access(token: [UInt8]) -> WebAccess? { web.sessions.use(token: token).map(WebAccess.init) }

    func access(toolToken: String) -> WebAccess? { web.sessions.use(accessToken: toolToken).map(WebAccess.init) }

    func admit(_ user: User) -> Bool {
        quota = environment.limiter.recordLogin(peer.ticket, user: user.name.text)
        return quota.map { quota in allowed { () throws(UserQuota.Refusal) in try quota.countMessage(at: .now()) } }
            ?? false
    }

    private func allowed(_ count: () throws(UserQuota.Refusal) -> Void) -> Bool {
        do throws(UserQuota.Refusal) {
            try count()
            return true
        } catch {
            return false
        }
    }

    func sessions(of user: Name) -> [UserSession] { web.sessions.sessions(of: user) }

    func endSession(_ id: String, of user: Name, reason: String) -> Bool {
        guard web.sessions.end(id, of: user) else { return false }
        environment.audit.record(
            .logout, user: user.text, address: client.address, network: client.network, reason: reason)
        web.closeConnections(ofSession: id)
        return true
    }

    // MARK: - Cameras

    func cameras(of access: WebAccess) -> [Cameras.Camera] { viewers.view(for: access.user).cameras }

    func watch(
        _ camera: UInt32, _ rendition: Rendition, _ access: WebAccess, onPicture: @escaping (LivePicture) -> Void,
        onRefusal: @escaping () -> Void, onEnd: @escaping () -> Void
    ) -> Bool {
        guard allowed({ () throws(UserQuota.Refusal) in try quota?.countWatch(at: .now()) }) else { return false }
        let key = FlowKey(camera: camera, rendition: rendition)
        subscription = Subscription(
            access: access, checked: .now(),
            content: .frames(key, onPicture: onPicture, onRefusal: onRefusal), onEnd: onEnd)
        accessChanged()
        guard subscription != nil else { return true }
        viewers.startFlow(key, self)
        return true
    }

    func refuse(_ key: FlowKey, _ detail: String) {
        guard case .frames(key, _, let onRefusal)? = subscription?.content else { return }
        stop()
        onRefusal()
    }

    func offer(_ frame: SharedFrame) {
        guard case .frames(let key, let onPicture, _)? = subscription?.content, key == frame.key,
            isStillAllowed(frame.key.camera)
        else { return }
        if let picture = LivePicture(frame.message) { onPicture(picture) }
    }

    /// Returns whether the stream's user may see the camera now. Otherwise ends the stream.
    private func isStillAllowed(_ camera: UInt32) -> Bool {
        guard let current = subscription else { return false }
        if NIODeadline.now() - current.checked > Self.checkInterval { accessChanged() }
        guard let access = subscription?.access else { return false }
        if viewers.view(for: access.user).numbers.contains(camera) { return true }
        endSubscription()
        return false
    }

    /// Checks the access of a stream again, and ends the stream when it is over.
    func accessChanged() {
        guard let access = subscription?.access else { return }
        guard let current = web.current(access) else { return endSubscription() }
        subscription?.access = current
        subscription?.checked = .now()
        if case .frames(let key, _, _)? = subscription?.content,
            !viewers.view(for: current.user).numbers.contains(key.camera)
        {
            endSubscription()
        }
    }

    private func endSubscription() {
        let onEnd = subscription?.onEnd
        stop()
        onEnd?()
    }

    func stop() {
        if case .frames(let key, _, _)? = subscription?.content { viewers.stopFlow(key, self) }
        subscription = nil
        waitingEvents = EventSlots()
    }

    // MARK: - Events

    func follow(
        since: Int64, cameras: Set<UInt32>, _ access: WebAccess, onEvent: @escaping () -> Void,
        onEnd: @escaping () -> Void
    ) {
        let visible = viewers.view(for: access.user).numbers
        let (history, serial) = viewers.events(
            since: since, of: cameras.isEmpty ? visible : visible.intersection(cameras))
        waitingEvents = EventSlots()
        waitingEvents.follow(
            Follow(live: true, since: since, cameras: cameras.map(Follow.Camera.init)), history: history, serial: serial
        )
        subscription = Subscription(
            access: access, checked: .now(), content: .events(onEvent: onEvent), onEnd: onEnd)
        accessChanged()
    }

    func offer(_ event: SharedEvent) {
        guard case .events(let onEvent)? = subscription?.content else { return }
        waitingEvents.offer(event)
        if let checked = subscription?.checked, NIODeadline.now() - checked > Self.checkInterval { accessChanged() }
        if subscription != nil { onEvent() }
    }

    func nextEvent() -> WebEvent? {
        guard let access = subscription?.access, case .events? = subscription?.content else { return nil }
        let names = cameraNames(access)
        var next: WebEvent?
        while next == nil, let event = waitingEvents.popNext() {
            next = names[event.id.camera].map { WebEvent(camera: $0, event: event.event.event) }
        }
        return next
    }

    func events(since: Int64, _ access: WebAccess) -> [WebEvent] {
        let names = cameraNames(access)
        return viewers.events(since: since, of: Set(names.keys)).events.compactMap { event in
            names[event.id.camera].map { WebEvent(camera: $0, event: event.event.event) }
        }
    }

    private func cameraNames(_ access: WebAccess) -> [UInt32: Name] {
        let cameras = viewers.view(for: access.user).cameras
        return Dictionary(cameras.map { ($0.camera, $0.name) }, uniquingKeysWith: { first, _ in first })
    }

    // MARK: - Archives

    func search(_ search: Search, _ access: WebAccess, completion: @escaping ([Found]?) -> Void) {
        let rights = access.user.effectiveRights
        guard let visible = search.restricted(to: rights) else { return completion([]) }
        guard allowed({ () throws(UserQuota.Refusal) in try quota?.countQuery(at: .now()) }), let quota,
            quota.openQuery()
        else { return completion(nil) }
        archives.search(visible, of: access.user.name.text) { [web] parts in
            quota.closeQuery()
            // The user's rights may have changed since the request.
            let present = web.current(access)?.user.effectiveRights
            completion(parts.map { $0.filtered(by: present ?? .only([])) })
        }
    }

    func recordedPicture(_ replay: Replay, _ access: WebAccess, completion: @escaping (LivePicture?) -> Void) {
        guard access.user.effectiveRights.contains(replay.camera), let quota, quota.openReplay() else {
            return completion(nil)
        }
        archives.replay(replay, of: access.user.name.text) { [web] message in
            quota.closeReplays()
            guard web.current(access)?.user.effectiveRights.contains(replay.camera) ?? false else {
                return completion(nil)
            }
            completion(message.flatMap(LivePicture.init))
        }
    }

    // MARK: - Viewers

    func makeWebSocket() -> WebSocketHandler { WebSocketHandler(tls: tls, limit: WireLimits.viewerMessage) }

    func makeViewer(_ access: WebAccess, _ socket: WebSocketHandler) -> any ChannelHandler {
        archives.forget(quota)
        viewers.remove(self)
        let viewer = ViewerHandler(
            transport: socket, login: access, environment: environment, viewers: viewers,
            peer: ConnectionPeer(text: client.address, address: peer.address, ticket: peer.ticket))
        pacer.countRead = viewer.countRead
        return viewer
    }
}

@available(*, unavailable)
extension WebConnection: Sendable {}

extension LivePicture {
    /// Reads a FRAME message; `nil` for an invalid one.
    init?(_ message: ByteBuffer) {
        let decoded = unsafe message.withUnsafeReadableBytes { bytes -> (Frame, Range<Int>)? in
            let span = unsafe bytes.bindMemory(to: UInt8.self).span
            guard let envelope = try? Envelope.readWhole(span, limit: WireLimits.meshMessage),
                let (fields, payload) = try? Frame.decode(span, envelope)
            else { return nil }
            return (fields, payload)
        }
        guard let (fields, payload) = decoded,
            let bytes = message.getSlice(at: message.readerIndex + payload.lowerBound, length: payload.count)
        else { return nil }
        self.init(frame: fields, bytes: bytes)
    }
}

extension Found {
    /// Returns the entries of the cameras that a user may see.
    fileprivate func filtered(by rights: CameraRights) -> Found {
        Found(
            request: request, last: last, partial: partial, volume: volume,
            recordings: recordings.filter { rights.contains($0.camera) },
            events: events.filter { rights.contains($0.camera) }, gaps: gaps.filter { rights.contains($0.camera) },
            since: since)
    }
}
