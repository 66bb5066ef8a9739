import Dispatch
import Glibc
package import Logging
package import NIOCore
import NIOPosix
import SecamProcess
package import SecamTLS
package import SecamUsers
package import SecamWire
import Synchronization

/// The gateway's side of the mesh, as the viewers' server sees it.
package protocol CameraHub: AnyObject, Sendable {
    /// Starts or stops a flow. A flow is wanted from its first watcher until `ViewerLimits.demandLinger` after its last.
    /// Changes of one flow come in order, on a thread of the server.
    func demandChanged(camera: UInt32, rendition: Rendition, wanted: Bool)
    /// Forwards a viewer's request to the archives. Requests of one viewer come in order.
    func query(_ request: ArchiveRequest, from viewer: ArchiveClient)
}

/// The server for viewers: it accepts them over TLS and sends them the cameras' frames and events.
///
/// Call `start` once, then `publish` and `update` any number of times from any thread, then `stop`, which must be awaited.
package final class ViewerServer: Sendable {
    /// The application protocol of browsers and other HTTP clients.
    package static let webProtocol = "http/1.1"

    /// Returns the TLS settings for viewers. With `web`, HTTP is served too, also to clients without ALPN.
    package static func tlsContext(_ identity: TLSIdentity, web: Bool) throws(TLSError) -> TLSContext {
        try .server(
            identity: identity, applicationProtocols: [Hello.applicationProtocol] + (web ? [webProtocol] : []),
            fallbackProtocol: web ? webProtocol : nil)
    }

    private enum Phase {
        case idle
        case starting
        case running(Running)
        case stopped
    }

    private struct Running {
        let group: MultiThreadedEventLoopGroup
        let listener: any Channel
        let connections: ConnectionGroup
        let accounts: AccountsWatch
        let watches: [LoopWatch]
    }

    private struct Directory {
        var cameras: [Cameras.Camera] = []
        var loops: [EventLoopMailbox] = []
        var isUpdateScheduled = false
        var lastUpdate = NIODeadline.uptimeNanoseconds(0)
    }

    private let configuration: ViewerServerConfiguration
    private let tls: Mutex<TLSContext>
    private let users: UserStore
    private let environment: ViewerEnvironment
    private let fanOut: FanOut
    private let eventCache = EventCache()
    private let phase = Mutex(Phase.idle)
    private let directory = Mutex(Directory())

    /// - Parameters:
    ///   - sessions: the sessions of browsers; `nil` to serve no HTTP.
    ///   - relay: receives the connections of services that answer its calls.
    package init(
        configuration: ViewerServerConfiguration, tls: TLSContext, users: UserStore, authenticator: Authenticator,
        sessions: SessionStore? = nil, audit: AuditLog, hub: any CameraHub, relay: RelayServer, logger: Logger
    ) {
        self.configuration = configuration
        self.tls = Mutex(tls)
        self.users = users
        let counters = ViewerCounters()
        environment = ViewerEnvironment(
            limits: configuration.viewerLimits, software: configuration.software, authenticator: authenticator,
            audit: audit,
            limiter: ConnectionLimiter(
                limits: configuration.connectionLimits, viewerLimits: configuration.viewerLimits), counters: counters,
            logger: logger, hub: hub, relay: relay,
            web: sessions.map {
                WebEnvironment(
                    accounts: users, sessions: $0, limits: configuration.webLimits,
                    trustedProxies: configuration.trustedProxies)
            })
        fanOut = FanOut(hub: hub, limits: configuration.viewerLimits)
    }

    package var figures: [Figure] { environment.counters.figures }

    /// The number of viewers' connections, handshakes included.
    var connectionCount: Int { environment.limiter.connectionCount }

    /// Starts to listen.
    ///
    /// - Returns: the address with the chosen port.
    package func start() async throws(ViewerServerError) -> SocketAddress {
        guard (0...65_535).contains(configuration.port) else { throw .portOutOfRange(configuration.port) }
        try phase.withLock { phase throws(ViewerServerError) in
            guard case .idle = phase else { throw .alreadyStarted }
            phase = .starting
        }
        let group = MultiThreadedEventLoopGroup(numberOfThreads: configuration.threads)
        do {
            let loops = try await makeLoops(group)
            fanOut.open(loops)
            let connections = ConnectionGroup()
            let listener = try await bind(group, loops, connections)
            guard let address = listener.localAddress else { throw ChannelError.unknownLocalAddress }
            let accounts = AccountsWatch(
                users: users, authenticator: environment.authenticator, sessions: environment.web?.sessions,
                loops: loops, logger: environment.logger)
            environment.web?.open(loops)
            accounts.start(every: configuration.accountsInterval)
            let watches = group.makeIterator().map { loop in
                LoopWatchdog.shared.watch("viewers") { loop.execute($0) }
            }
            phase.withLock {
                $0 = .running(
                    Running(
                        group: group, listener: listener, connections: connections, accounts: accounts,
                        watches: watches))
            }
            return address
        } catch {
            closeMailboxes()
            try? await group.shutdownGracefully()
            phase.withLock { $0 = .idle }
            throw failure(error)
        }
    }

    /// Sends BYE to all viewers and waits until their connections are closed, at most for `ViewerLimits.closeTimeout`.
    package func stop() async {
        let running = phase.withLock { phase -> Running? in
            guard case .running(let running) = phase else { return nil }
            phase = .stopped
            return running
        }
        guard let running else { return }
        try? await running.listener.close().get()
        for loop in directory.withLock({ $0.loops }) {
            loop.withViewers { $0.closeAll(.shutdown, "the gateway is stopping") }
        }
        await running.connections.allClosed()
        closeMailboxes()
        for watch in running.watches { watch.end() }
        try? await running.group.shutdownGracefully()
    }

    /// Sends a frame to its watchers. Any thread; frames of one flow in order.
    ///
    /// - Parameters:
    ///   - message: the whole FRAME message, sent unchanged.
    ///   - frame: its fields; `flow` is the camera's number.
    package func publish(_ message: ByteBuffer, frame: Frame) {
        fanOut.publish(message, frame)
    }

    /// Tells a flow's present and later watchers that its camera does not provide it, until it sends a frame. Any thread.
    ///
    /// - Parameter detail: for users.
    package func refuse(camera: UInt32, _ rendition: Rendition, _ detail: String) {
        fanOut.refuse(FlowKey(camera: camera, rendition: rendition), detail)
    }

    /// Forgets what a camera refused before its restart. Any thread.
    package func forgetRefusals(of camera: UInt32) { fanOut.forgetRefusals(of: camera) }

    /// Caches an event's state and sends it to the viewers that follow its camera. Any thread; events of one camera in
    /// order.
    ///
    /// - Parameters:
    ///   - message: the whole EVENT message, sent unchanged.
    ///   - event: its fields; `flow` is the camera's number.
    package func publish(_ message: ByteBuffer, event: Event) {
        let shared = eventCache.record(event, message)
        for loop in directory.withLock({ $0.loops }) { loop.withViewers { $0.deliver(shared) } }
    }

    /// Returns a camera's open events from before its restart, which the camera will not end. Any thread.
    ///
    /// - Parameter incarnation: the camera's present incarnation.
    package func orphans(of camera: UInt32, since incarnation: UInt64) -> [Event] {
        eventCache.orphans(of: camera, since: incarnation)
    }

    /// Forgets the events of a number that no camera has any more. Any thread.
    package func forget(camera: UInt32) { eventCache.forget(camera) }

    /// Replaces the list of cameras. Each viewer gets a new list when its own part changed. Any thread.
    package func update(cameras: [Cameras.Camera]) {
        directory.withLock { directory in
            directory.cameras = cameras
            guard !directory.isUpdateScheduled, let first = directory.loops.first else { return }
            directory.isUpdateScheduled = true
            let due = directory.lastUpdate + ViewerLimits.directoryInterval
            first.schedule(in: max(.zero, due - .now())) { self.sendDirectory() }
        }
    }

    private func sendDirectory() {
        let (cameras, loops) = directory.withLock { directory in
            directory.isUpdateScheduled = false
            directory.lastUpdate = .now()
            return (directory.cameras, directory.loops)
        }
        for loop in loops { loop.withViewers { $0.update(cameras: cameras) } }
    }

    // MARK: - Listening

    private func makeLoops(_ group: MultiThreadedEventLoopGroup) async throws -> [EventLoopMailbox] {
        var loops: [EventLoopMailbox] = []
        let counters = environment.counters
        let fanOut = fanOut
        let eventCache = eventCache
        for (index, eventLoop) in Array(group.makeIterator()).enumerated() {
            let mailbox = try await eventLoop.submit {
                let viewers = EventLoopViewers(
                    index: index, fanOut: fanOut, eventCache: eventCache, pacer: HandshakePacer(eventLoop: eventLoop))
                let mailbox = EventLoopMailbox(viewers, eventLoop: eventLoop, counters: counters)
                viewers.mailbox = mailbox
                return mailbox
            }.get()
            loops.append(mailbox)
        }
        // Cameras may have been set before the start.
        let cameras = directory.withLock { directory in
            directory.loops = loops
            return directory.cameras
        }
        for loop in loops { loop.withViewers { $0.update(cameras: cameras) } }
        return loops
    }

    private func closeMailboxes() {
        fanOut.close()
        environment.web?.open([])
        let loops = directory.withLock { directory in
            defer { directory.loops = [] }
            return directory.loops
        }
        for loop in loops { loop.close() }
    }

    /// Replaces the certificate for new connections. Open connections keep theirs. Any thread.
    func replaceCertificate(with context: TLSContext) { tls.withLock { $0 = context } }

    private func bind(
        _ group: MultiThreadedEventLoopGroup, _ loops: [EventLoopMailbox], _ connections: ConnectionGroup
    ) async throws -> any Channel {
        let mailboxes = Dictionary(uniqueKeysWithValues: loops.map { (ObjectIdentifier($0.eventLoop), $0) })
        let environment = environment
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 1024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(AcceptLogger(logger: environment.logger))
                }
            }
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(.tcpOption(.init(rawValue: Self.notSentLowWatermark)), value: ViewerLimits.unsentBytes)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    guard let mailbox = mailboxes[ObjectIdentifier(channel.eventLoop)] else { return }
                    let tls = self.tls.withLock { $0 }
                    try Self.accept(
                        channel, on: mailbox, tls: tls, environment: environment, connections: connections)
                }
            }
        guard configuration.host == "::" else {
            return try await bootstrap.bind(host: configuration.host, port: configuration.port).get()
        }
        do {
            // Bind by address: the name `::` does not resolve where only the loopback has an IPv6 address, as in many
            // containers.
            return try await bootstrap.bind(to: SocketAddress(ipAddress: "::", port: configuration.port)).get()
        } catch let error as IOError where [EAFNOSUPPORT, EADDRNOTAVAIL].contains(error.errnoCode) {
            // This machine has no IPv6.
            return try await bootstrap.bind(to: SocketAddress(ipAddress: "0.0.0.0", port: configuration.port)).get()
        }
    }

    /// TCP_NOTSENT_LOWAT, which Glibc's headers lack.
    private static let notSentLowWatermark: CInt = 25

    private func failure(_ error: any Error) -> ViewerServerError {
        let host = configuration.host
        let port = configuration.port
        guard let error = error as? IOError else {
            if error is SocketAddressError.UnknownHost { return .unknownHost(host) }
            return .cannotListen(host: host, port: port, reason: "\(error)")
        }
        return ViewerServerError(errno: error.errnoCode, host: host, port: port)
    }

    /// Sets up a new connection, on its event loop.
    ///
    /// - Throws: `ConnectionLimiter.Refusal` when a limit is reached, `TLSError`; the connection is closed then.
    private static func accept(
        _ channel: any Channel, on mailbox: EventLoopMailbox, tls: TLSContext, environment: ViewerEnvironment,
        connections: ConnectionGroup
    ) throws {
        guard let address = channel.remoteAddress else { throw ChannelError.inputClosed }
        let network = address.network
        let standing: PeerStanding =
            address.isOnHost(of: channel.localAddress)
            ? .host : environment.authenticator.knows(network: network) ? .known : .stranger
        let ticket: ConnectionLimiter.Ticket
        do {
            ticket = try environment.limiter.admit(network, standing) { channel.close(promise: nil) }
        } catch {
            environment.counters.messagesRejected.add(1, ordering: .relaxed)
            environment.logger.debug(
                "viewer refused", metadata: ["peer": "\(address.peerText)", "limit": "\(error)"])
            throw error
        }
        let viewers = mailbox.localViewers
        let detector = ProtocolDetector(environment: environment, ticket: ticket) {
            let tls = try TLSHandler(context: tls, scratch: viewers.scratch) { step in
                viewers.pacer.run(network: ticket.network, standing: ticket.standing, step)
            }
            let pacer = ReadPacer { _ in true }
            let peer = ConnectionPeer(
                text: address.peerText, address: address.plainAddress ?? "local", ticket: ticket)
            let handshake = HandshakeHandler(
                tls: tls, pacer: pacer, peer: peer, environment: environment, viewers: viewers)
            return [pacer, tls, handshake]
        }
        do {
            try channel.pipeline.syncOperations.addHandler(detector)
        } catch {
            environment.limiter.release(ticket)
            throw error
        }
        connections.add(channel)
    }
}
