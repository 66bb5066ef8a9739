import NIOCore
import NIOPosix
import SecamBase
import SecamProcess
import SecamTLS

/// What lives on the event loop of a `GatewayClient`: one connection at a time, and when to try the next.
final class GatewayLink {
    private static let connectTimeout = TimeAmount.seconds(5)
    /// A connection that held this long makes the next waits short again. Microseconds.
    private static let goodConnection: Int64 = 5_000_000
    /// Protocol names of TLS (ALPN) by which both ends know that they mean each other.
    static let applicationProtocols = ["secam/1"]

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
    private var loginTime: Int64?
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
        // After a channel was made, its handler reports the end.
        ended(.lost(Self.reason(error)), reached: false)
    }

    /// Whether the inbox takes more.
    var mayRead: Bool { !inbox.isFull }

    func received(_ event: ViewerConnection.Event) {
        switch event {
        case .welcome(let role, let token):
            hadLogin = true
            if let token {
                settings.token = token
                // A small file, once in a machine's life. The program may end before a queue gets to it.
                settings.keepToken?(token)
            }
            loginTime = MonotonicTime.now.microseconds
            post(.state(.connected(role)))
        case .cameras(let cameras): post(.cameras(cameras))
        case .frame(let frame): post(.frame(frame))
        case .event(let event, let camera): post(.event(event, camera: camera))
        case .eventsComplete: post(.eventsComplete)
        case .found(let found): post(.found(found))
        case .replayed(let frame, let flow): post(.replayed(frame, flow: flow))
        case .replayEnded(let close): post(.replayEnded(close))
        case .refused(let code, let detail): post(.refused(code, detail: detail))
        }
    }

    func ended(_ end: ConnectionEnd, reached: Bool = true) {
        handler = nil
        guard !isStopped else { return }
        guard reconnects, hadLogin, end.isTemporary(hadLogin: hadLogin) else {
            post(.state(.failed(failure(end, reached: reached))))
            isStopped = true
            return
        }
        if let loginTime, MonotonicTime.now.microseconds - loginTime >= Self.goodConnection { backoff.reset() }
        loginTime = nil
        post(.state(.reconnecting(end)))
        let wait = max(backoff.next(using: &random), end.leastWait)
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        eventLoop.scheduleTask(in: .microseconds(wait)) { bound.value.connect() }
    }

    /// Says something over the connection that stands; nothing when there is none.
    func tell(_ body: (inout ViewerConnection) -> Void) { handler?.tell(body) }

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

    private func post(_ event: GatewayEvent) {
        guard !isStopped else { return }
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        let eventLoop = eventLoop
        inbox.post(event, generation: generation) { taken in
            eventLoop.execute { bound.value.drained(taken) }
        }
    }

    private func drained(_ taken: EventInbox.Taken) {
        guard let handler else { return }
        for (camera, frames) in taken[generation] ?? [:] { handler.taken(camera: camera, frames: frames) }
        handler.resumeReading()
    }

    /// A short text for people in place of the error's description, which is made for programmers.
    static func reason(_ error: any Error) -> String {
        switch error {
        case let error as NIOConnectionError:
            if let attempt = error.connectionErrors.first { reason(attempt.error) } else { "the name is not known" }
        case let error as IOError: FileIO.reason(error.errnoCode)
        case ChannelError.connectTimeout: "no answer within \(connectTimeout.nanoseconds / 1_000_000_000) s"
        case let error as TLSError: error.description
        default: "\(error)"
        }
    }
}

@available(*, unavailable)
extension GatewayLink: Sendable {}
