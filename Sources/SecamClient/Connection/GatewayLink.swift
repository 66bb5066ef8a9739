import NIOCore
import NIOPosix
import SecamBase
import SecamProcess
import SecamTLS
import SecamWire

/// The event-loop side of a `GatewayClient`: one connection at a time, and the schedule of the next attempt.
final class GatewayLink {
    private static let connectTimeout = TimeAmount.seconds(5)
    /// A login that lasted this long resets the back-off.
    private static let stableTime: Duration = .seconds(5)
    /// The TLS protocol names (ALPN) that keep other servers and clients from talking secam.
    static let applicationProtocols = [Hello.applicationProtocol]

    private let server: ServerAddress
    private let context: TLSContext
    private var settings: ViewerConnection.Settings
    private let reconnects: Bool
    private let inbox: EventInbox
    private let eventLoop: any EventLoop

    private var handler: ClientHandler?
    private var generation = 0
    private var backoff = ReconnectBackoff()
    private var random = SystemRandomNumberGenerator()
    private var hadLogin = false
    private var loginTime: MonotonicTime?
    private var isStopped = false

    init(
        server: ServerAddress, context: TLSContext, settings: ViewerConnection.Settings, reconnects: Bool,
        inbox: EventInbox, eventLoop: any EventLoop
    ) {
        self.server = server
        self.context = context
        self.settings = settings
        self.reconnects = reconnects
        self.inbox = inbox
        self.eventLoop = eventLoop
    }

    func connect() {
        guard !isStopped else { return }
        if !hadLogin { post(.state(.connecting)) }
        generation += 1
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        ClientBootstrap(group: eventLoop)
            .connectTimeout(Self.connectTimeout)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelOption(
                .recvAllocator, value: AdaptiveRecvByteBufferAllocator(minimum: 4096, initial: 65536, maximum: 262_144)
            )
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try bound.value.prepare(channel) }
            }
            .connect(host: server.host, port: server.port)
            .whenFailure { error in bound.value.connectFailed(error) }
    }

    private func prepare(_ channel: any Channel) throws {
        let handler = ClientHandler(settings, link: self)
        try channel.pipeline.syncOperations.addHandlers([try TLSHandler(context: context), handler])
        self.handler = handler
    }

    private func connectFailed(_ error: any Error) {
        // Once there is a channel, its handler reports the end.
        connectionEnded(.lost(Self.reason(error)), reached: false)
    }

    /// Whether the inbox has room.
    var mayRead: Bool { !inbox.isFull }

    /// - Parameter token: a new device token, if the gateway gave one.
    func loggedIn(_ role: UserRole, token: [UInt8]?) {
        hadLogin = true
        if let token {
            settings.token = token
            // Writes a small file on the event loop, once per machine: the program might end before a queue writes it.
            settings.keepToken?(token)
        }
        loginTime = .now
        post(.state(.connected(role)))
    }

    func connectionEnded(_ end: ConnectionEnd, reached: Bool = true) {
        handler = nil
        guard !isStopped else { return }
        guard reconnects, hadLogin, end.isTemporary(hadLogin: hadLogin) else {
            post(.state(.failed(failure(end, reached: reached))))
            isStopped = true
            return
        }
        if let loginTime, .now - loginTime >= Self.stableTime { backoff.reset() }
        loginTime = nil
        post(.state(.reconnecting(end)))
        let wait = max(backoff.next(using: &random), end.shortestWait)
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        eventLoop.scheduleTask(in: .microseconds(wait.microseconds)) { bound.value.connect() }
    }

    /// Sends the messages that `body` adds to the connection, if there is one.
    func send(_ body: (inout ViewerConnection) -> Void) { handler?.send(body) }

    func stop() {
        isStopped = true
        handler?.leave()
    }

    private func failure(_ end: ConnectionEnd, reached: Bool) -> ClientError {
        switch end {
        case .tls(.untrusted(let name, let presented, let reason)):
            .untrusted(server: server, .untrusted(serverName: name, presented: presented, reason: reason))
        case .lost(let reason) where !reached: .unreachable(server: server, reason: reason)
        default: .connection(server: server, end)
        }
    }

    func post(_ event: GatewayEvent) {
        guard !isStopped else { return }
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        let eventLoop = eventLoop
        inbox.post(event, generation: generation) { handled in
            eventLoop.execute { bound.value.inboxDrained(handled) }
        }
    }

    private func inboxDrained(_ handled: EventInbox.HandledFrames) {
        guard let handler else { return }
        for (camera, frames) in handled[generation] ?? [:] { handler.returnCredit(camera: camera, frames: frames) }
        handler.resumeReading()
    }

    /// Returns a short text for users; NIO's own descriptions are for programmers.
    static func reason(_ error: any Error) -> String {
        switch error {
        case let error as NIOConnectionError:
            if let attempt = error.connectionErrors.first { reason(attempt.error) } else { "unknown host name" }
        case let error as IOError: "\(SystemError(code: error.errnoCode))"
        case ChannelError.connectTimeout: "no answer within \(connectTimeout.nanoseconds / 1_000_000_000) s"
        case let error as TLSError: error.description
        default: "\(error)"
        }
    }
}

@available(*, unavailable)
extension GatewayLink: Sendable {}
