import Logging
import NIOCore
import SecamBase
import SecamTLS
import SecamUsers
import SecamWeb
import SecamWire
import Synchronization

/// What all HTTP connections of a server share.
final class WebEnvironment: Sendable {
    let sessions: SessionStore
    let limits: WebLimits
    private let loops = Mutex<[EventLoopMailbox]>([])

    init(sessions: SessionStore, limits: WebLimits) {
        self.sessions = sessions
        self.limits = limits
    }

    func open(_ loops: [EventLoopMailbox]) { self.loops.withLock { $0 = loops } }

    /// Closes the connections of a session that is over.
    func closeConnections(ofSession id: String) {
        for loop in loops.withLock({ $0 }) { loop.withViewers { $0.endSession(id) } }
    }
}

/// One HTTP connection, with the gateway behind it. It holds the connection's place until a viewer takes it over.
final class WebConnection: WebBackend, GatewayConnection {
    private let tls: TLSHandler
    private let pacer: ReadPacer
    private let peer: ConnectionPeer
    private let environment: ViewerEnvironment
    private let web: WebEnvironment
    private let viewers: EventLoopViewers
    /// The quota of the last request's user.
    private var quota: UserQuota?

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
        viewers.add(self)
    }

    var isTrusted: Bool { !tls.isSelfSigned }

    func close(_ reason: ByeReason, _ detail: String) { tls.close() }

    func connectionClosed() {
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

    // MARK: - Sessions

    func logIn(_ login: Login, client: String, completion: @escaping (WebLoginResult) -> Void) {
        guard let eventLoop = tls.eventLoop, let mailbox = viewers.mailbox else { return completion(.failed) }
        let ticket = peer.ticket
        let source = LoginPeer(address: peer.text, network: ticket.network, isHost: ticket.standing == .host)
        let limiter = environment.limiter
        limiter.setVerifying(ticket, true)
        let completion = NIOLoopBound(completion, eventLoop: eventLoop)
        let logger = environment.logger
        environment.authenticator.authenticate(login, from: source) { [web, peer] outcome in
            // An accepted login comes on a thread that may wait for the disk.
            let result = Self.createSession(outcome, web.sessions, peer.address, client, logger)
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

    func access(token: [UInt8]) -> SessionStore.Access? { web.sessions.use(token: token) }

    func admit(_ user: User) -> Bool {
        quota = environment.limiter.recordLogin(peer.ticket, user: user.name.text)
        guard let quota else { return false }
        do throws(UserQuota.Refusal) {
            try quota.countMessage(at: .now())
            return true
        } catch {
            return false
        }
    }

    func sessions(of user: Name) -> [UserSession] { web.sessions.sessions(of: user) }

    func endSession(_ id: String, of user: Name, reason: String) -> Bool {
        guard web.sessions.end(id, of: user) else { return false }
        environment.audit.record(
            .logout, user: user.text, address: peer.text, network: peer.ticket.network, reason: reason)
        web.closeConnections(ofSession: id)
        return true
    }

    // MARK: - Viewers

    func makeWebSocket() -> WebSocketHandler { WebSocketHandler(tls: tls, limit: WireLimits.viewerMessage) }

    func makeViewer(_ access: SessionStore.Access, _ socket: WebSocketHandler) -> any ChannelHandler {
        viewers.remove(self)
        let viewer = ViewerHandler(
            transport: socket, login: access, environment: environment, viewers: viewers, peer: peer)
        pacer.countRead = viewer.countRead
        return viewer
    }
}

@available(*, unavailable)
extension WebConnection: Sendable {}
