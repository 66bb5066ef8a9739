import Glibc
import Logging
import NIOCore
import SecamTLS
import SecamUsers
import Synchronization

extension EventLoopMailbox {
    /// Sets up a new connection, on its event loop.
    ///
    /// - Throws: `ConnectionLimiter.Refusal` when a limit is reached, `TLSError`; the connection is closed then.
    func accept(
        _ channel: any Channel, tls: TLSContext, environment: ViewerEnvironment, connections: ConnectionGroup
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
        let viewers = localViewers
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

/// The set of open connections, for a server that waits until they are closed.
final class ConnectionGroup: Sendable {
    private struct State {
        var open = 0
        var waiter: CheckedContinuation<Void, Never>?
    }

    private let state = Mutex(State())

    func add(_ channel: any Channel) {
        state.withLock { $0.open += 1 }
        channel.closeFuture.whenComplete { _ in
            let waiter = self.state.withLock { state -> CheckedContinuation<Void, Never>? in
                state.open -= 1
                guard state.open == 0 else { return nil }
                defer { state.waiter = nil }
                return state.waiter
            }
            waiter?.resume()
        }
    }

    /// Waits until all connections are closed. Called once, after the listener is closed.
    func allClosed() async {
        await withCheckedContinuation { continuation in
            let isEmpty = state.withLock { state in
                if state.open > 0 { state.waiter = continuation }
                return state.open == 0
            }
            if isEmpty { continuation.resume() }
        }
    }
}

/// Logs errors of accepting connections, such as too few file descriptors: once, until a connection is accepted again.
///
/// These errors never concern the listener itself. NIO accepts again after a pause.
final class AcceptLogger: ChannelInboundHandler {
    typealias InboundIn = any Channel

    private let logger: Logger
    private var isFailing = false

    init(logger: Logger) { self.logger = logger }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        isFailing = false
        context.fireChannelRead(data)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if !isFailing {
            isFailing = true
            logger.warning("connection not accepted", metadata: ["reason": "\(error)"])
        }
        context.fireErrorCaught(error)
    }
}

extension ViewerServerError {
    init(errno: CInt, host: String, port: Int) {
        self =
            switch errno {
            case EADDRINUSE: .portTaken(host: host, port: port)
            case EADDRNOTAVAIL: .addressNotAvailable(host: host)
            case EACCES: .privilegedPort(port)
            default: .cannotListen(host: host, port: port, reason: unsafe String(cString: strerror(errno)))
            }
    }
}
