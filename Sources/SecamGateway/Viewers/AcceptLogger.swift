import Logging
import NIOCore

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
