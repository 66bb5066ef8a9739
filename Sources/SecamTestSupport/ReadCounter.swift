package import NIOCore

/// A channel handler that counts the reads that reach the socket.
package final class ReadCounter: ChannelOutboundHandler {
    package typealias OutboundIn = ByteBuffer

    package private(set) var count = 0

    package init() {}

    package func read(context: ChannelHandlerContext) {
        count += 1
        context.read()
    }
}
