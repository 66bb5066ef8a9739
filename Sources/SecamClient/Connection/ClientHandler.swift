import NIOCore
import SecamBase
import SecamProcess
import SecamTLS
import SecamWire

/// Drives a `ViewerConnection` on a channel, above TLS.
final class ClientHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private static let tick = TimeAmount.seconds(1)

    private var connection: ViewerConnection
    private unowned let link: GatewayLink
    private var end: ConnectionEnd?
    private var hasEnded = false
    private var ticking: RepeatedTask?
    private var context: ChannelHandlerContext?
    private var readIsHeld = false

    init(_ settings: ViewerConnection.Settings, link: GatewayLink) {
        connection = ViewerConnection(settings, now: .now)
        self.link = link
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    func channelActive(context: ChannelHandlerContext) {
        let handler = NIOLoopBound(self, eventLoop: context.eventLoop)
        ticking = context.eventLoop.scheduleRepeatedTask(initialDelay: Self.tick, delay: Self.tick) { _ in
            handler.value.tick()
        }
        flushOutgoing(context)
        context.fireChannelActive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard end == nil else { return }
        connection.receive(unwrapInboundIn(data).readableBytesView, now: .now)
        do throws(ConnectionEnd) {
            while try handleNext() {}
        } catch {
            fail(error)
        }
        flushOutgoing(context)
    }

    /// - Returns: false when more bytes are needed.
    private func handleNext() throws(ConnectionEnd) -> Bool {
        switch try connection.next(utc: WallClock.now) {
        case .needMore: return false
        case .welcome(let role, let token): link.loggedIn(role, token: token)
        case .event(let event): link.post(event)
        }
        return true
    }

    /// Holds reads back while the inbox is full.
    func read(context: ChannelHandlerContext) {
        if link.mayRead {
            context.read()
        } else {
            readIsHeld = true
        }
    }

    func resumeReading() {
        guard readIsHeld, let context else { return }
        readIsHeld = false
        context.read()
    }

    func returnCredit(camera: UInt32, frames: UInt32) {
        send { $0.returnCredit(camera: camera, frames: frames) }
    }

    /// Sends the messages that `body` adds to the connection.
    func send(_ body: (inout ViewerConnection) -> Void) {
        body(&connection)
        if let context { flushOutgoing(context) }
    }

    func leave() {
        guard let context else { return }
        connection.leave()
        flushOutgoing(context)
        context.close(promise: nil)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if let error = error as? TLSError {
            fail(.tls(error))
        } else {
            fail(.lost(GatewayLink.reason(error)))
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        ticking?.cancel()
        context.fireChannelInactive()
        guard !hasEnded else { return }
        hasEnded = true
        link.connectionEnded(end ?? .lost("the gateway closed it"))
    }

    private func tick() {
        guard let context, end == nil else { return }
        do {
            try connection.tick(now: .now)
        } catch {
            fail(error)
        }
        flushOutgoing(context)
    }

    private func fail(_ error: ConnectionEnd) {
        guard end == nil else { return }
        end = error
        context?.close(promise: nil)
    }

    private func flushOutgoing(_ context: ChannelHandlerContext) {
        let holdsPassword = connection.outgoingHoldsPassword
        var bytes = connection.takeOutgoing()
        guard !bytes.isEmpty, end == nil else { return }
        let buffer = context.channel.allocator.buffer(bytes: bytes)
        guard holdsPassword else { return context.writeAndFlush(wrapOutboundOut(buffer), promise: nil) }
        Secret.erase(&bytes)
        // The write completes when TLS has encrypted the bytes.
        context.writeAndFlush(wrapOutboundOut(buffer)).whenComplete { _ in buffer.eraseReadableBytes() }
    }
}

@available(*, unavailable)
extension ClientHandler: Sendable {}
