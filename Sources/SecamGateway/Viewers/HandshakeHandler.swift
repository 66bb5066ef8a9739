import Logging
import NIOCore
import SecamTLS
import SecamWeb
import SecamWire

/// A connection that the server closes when it stops.
protocol GatewayConnection: AnyObject {
    func close(_ reason: ByeReason, _ detail: String)
    /// An event happened at any camera.
    func offer(_ event: SharedEvent)
    /// Accounts, sessions or cameras changed.
    func accessChanged()
}

extension GatewayConnection {
    func offer(_ event: SharedEvent) {}
    func accessChanged() {}
}

/// Waits for the end of the TLS handshake, makes the handlers of the agreed application protocol, and removes itself.
final class HandshakeHandler: ChannelInboundHandler, RemovableChannelHandler, GatewayConnection {
    typealias InboundIn = ByteBuffer

    private let tls: TLSHandler
    private let pacer: ReadPacer
    private let peer: ConnectionPeer
    private let environment: ViewerEnvironment
    private let viewers: EventLoopViewers
    private var context: ChannelHandlerContext?
    private var timer: Scheduled<Void>?
    private var isDecided = false

    /// - Parameters:
    ///   - pacer: counts the reads of the connection.
    ///   - peer: its ticket is released here when the handshake fails. Later the protocol's handler releases it.
    init(
        tls: TLSHandler, pacer: ReadPacer, peer: ConnectionPeer, environment: ViewerEnvironment,
        viewers: EventLoopViewers
    ) {
        self.tls = tls
        self.pacer = pacer
        self.peer = peer
        self.environment = environment
        self.viewers = viewers
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        viewers.add(self)
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: environment.limits.handshakeTimeout) {
            self.environment.logger.debug("TLS handshake timed out", metadata: ["peer": "\(self.peer.text)"])
            self.context?.close(promise: nil)
        }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        timer?.cancel()
        viewers.remove(self)
        if !isDecided { environment.limiter.release(peer.ticket) }
        self.context = nil
    }

    func close(_ reason: ByeReason, _ detail: String) { context?.close(promise: nil) }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        environment.logger.debug("connection failed", metadata: ["peer": "\(peer.text)", "reason": "\(error)"])
        context.close(promise: nil)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard case .handshakeCompleted(let name, _) = event as? TLSEvent, !isDecided else {
            return context.fireUserInboundEventTriggered(event)
        }
        isDecided = true
        do {
            try context.pipeline.syncOperations.addHandlers(handlers(of: name), position: .after(self))
        } catch {
            return context.close(promise: nil)
        }
        context.pipeline.syncOperations.removeHandler(self, promise: nil)
    }

    private func handlers(of applicationProtocol: String) -> [any ChannelHandler] {
        if applicationProtocol == ViewerServer.webProtocol, let web = environment.web {
            let connection = WebConnection(
                tls: tls, pacer: pacer, peer: peer, environment: environment, web: web, viewers: viewers)
            pacer.countRead = connection.countRead
            return HTTPHandler.handlers(backend: connection, limits: web.limits)
        }
        let viewer = ViewerHandler(
            transport: tls, login: nil, environment: environment, viewers: viewers, peer: peer)
        pacer.countRead = viewer.countRead
        return [viewer]
    }
}

@available(*, unavailable)
extension HandshakeHandler: Sendable {}

/// The other end of a connection, and the connection's place among all.
struct ConnectionPeer: Sendable {
    /// Address and port, for logs.
    let text: String
    /// The address alone.
    let address: String
    let ticket: ConnectionLimiter.Ticket
}
