import NIOCore

/// Counts the reads of one connection below TLS, and paces those of a newcomer.
///
/// A read costs the event loop as much for one byte as for a kilobyte. Between the paced reads of a newcomer that sends
/// single bytes, the kernel collects them. A login takes fewer than `freeReads` reads.
final class ReadPacer: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer

    /// Reads of a newcomer that are not paced.
    static let freeReads = 16
    /// Time between two paced reads.
    static let interval = TimeAmount.milliseconds(10)

    /// Counts a read of some bytes, and returns whether the connection belongs to a newcomer.
    var countRead: (_ bytes: Int) -> Bool
    /// Reads of the newcomer, at most `freeReads`; 0 after the login.
    private var reads = 0
    private var nextRead: Scheduled<Void>?

    init(countRead: @escaping (_ bytes: Int) -> Bool) { self.countRead = countRead }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let isNewcomer = countRead(unwrapInboundIn(data).readableBytes)
        reads = isNewcomer ? min(reads + 1, Self.freeReads) : 0
        context.fireChannelRead(data)
    }

    func read(context: ChannelHandlerContext) {
        guard reads == Self.freeReads else { return context.read() }
        guard nextRead == nil else { return }
        nextRead = context.eventLoop.assumeIsolated().scheduleTask(in: Self.interval) {
            self.nextRead = nil
            context.read()
        }
    }

    func handlerRemoved(context: ChannelHandlerContext) { nextRead?.cancel() }
}
