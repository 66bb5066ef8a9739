import NIOCore
import SecamWire

/// Detects a connection's protocol from its first bytes: a viewer begins with a TLS record, a service that answers a
/// call with the relay's preamble. The detector then removes itself from the pipeline.
final class ProtocolDetector: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private let environment: ViewerEnvironment
    private let ticket: ConnectionLimiter.Ticket
    private let makeViewer: () throws -> [any ChannelHandler]
    private var inbound = ByteBuffer()
    private var timer: Scheduled<Void>?
    private var isDecided = false

    /// - Parameters:
    ///   - ticket: released here when the connection ends before its protocol is known. Later its handlers release it.
    ///   - makeViewer: makes the handlers of a viewer's connection.
    init(
        environment: ViewerEnvironment, ticket: ConnectionLimiter.Ticket,
        makeViewer: @escaping () throws -> [any ChannelHandler]
    ) {
        self.environment = environment
        self.ticket = ticket
        self.makeViewer = makeViewer
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let channel = context.channel
        timer = context.eventLoop.scheduleTask(in: environment.limits.handshakeTimeout) { channel.close(promise: nil) }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        timer?.cancel()
        if !isDecided { environment.limiter.release(ticket) }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var arrived = unwrapInboundIn(data)
        if inbound.readableBytes == 0 { environment.limiter.recordFirstByte(ticket) }
        inbound.writeBuffer(&arrived)
        let begin = inbound.readableBytesView.prefix(Call.preamble.count)
        guard begin.elementsEqual(Call.preamble.prefix(begin.count)) else { return becomeViewer(context) }
        guard inbound.readableBytes >= Call.preamble.count + Call.ticketLength else { return }
        becomeRelayed(context)
    }

    private func becomeViewer(_ context: ChannelHandlerContext) {
        do {
            let handlers = try makeViewer()
            isDecided = true
            try context.pipeline.syncOperations.addHandlers(handlers, position: .after(self))
        } catch {
            return context.close(promise: nil)
        }
        leave(context)
    }

    private func becomeRelayed(_ context: ChannelHandlerContext) {
        inbound.moveReaderIndex(forwardBy: Call.preamble.count)
        let secret = inbound.readBytes(length: Call.ticketLength) ?? []
        guard environment.relay.attach(context.channel, ticket: secret) else { return context.close(promise: nil) }
        isDecided = true
        // The relay bounds its connections itself; they take no viewer's place.
        environment.limiter.release(ticket)
        leave(context)
    }

    /// Forwards the bytes received so far and removes the detector.
    private func leave(_ context: ChannelHandlerContext) {
        if inbound.readableBytes > 0 { context.fireChannelRead(wrapInboundOut(inbound)) }
        context.pipeline.syncOperations.removeHandler(self, promise: nil)
    }
}
