package import NIOCore
package import SecamTLS

/// What a WebSocket reports besides messages, as a user event of the channel.
package enum WebSocketEvent: Sendable {
    /// The client is alive: it sent a ping or a pong.
    case heard
    /// The client closes the connection, or broke the protocol. Nothing more is delivered.
    case ended(WebSocketDecoder.Failure?)
}

/// A WebSocket on a TLS connection: one binary message towards the client for each write, and one read for each message of
/// the client.
///
/// It sits behind the `TLSHandler`, in the place of the HTTP handlers. A message's bytes are not copied, so connections
/// can share them.
package final class WebSocketHandler: ChannelDuplexHandler {
    package typealias InboundIn = ByteBuffer
    package typealias InboundOut = ByteBuffer
    package typealias OutboundIn = ByteBuffer
    package typealias OutboundOut = ByteBuffer

    /// Time between two pings to a client. Browsers answer them, also for hidden pages whose timers are throttled.
    package static let pingInterval = TimeAmount.seconds(20)
    /// Messages up to this length are copied behind their header: cheaper than a TLS record of its own.
    private static let copiedBytes = 1024
    /// A control frame has at most 125 bytes, of which a close frame needs two for its code.
    private static let closeTextBytes = 123

    private let tls: TLSHandler
    private var decoder: WebSocketDecoder
    private var context: ChannelHandlerContext?
    private var pingTimer: Scheduled<Void>?
    private var isCloseSent = false
    private var isEnded = false

    /// - Parameter limit: maximum length of a client's message, bytes.
    package init(tls: TLSHandler, limit: Int) {
        self.tls = tls
        decoder = WebSocketDecoder(limit: limit)
    }

    package func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        schedulePing()
    }

    package func handlerRemoved(context: ChannelHandlerContext) {
        pingTimer?.cancel()
        self.context = nil
    }

    // MARK: - Sending

    /// Whether the client accepts data.
    package var isWritable: Bool { tls.isWritable }

    /// Sends a message past the channel pipeline.
    ///
    /// - Returns: a future of the write; `nil` when the socket has accepted everything.
    package func send(_ message: ByteBuffer) -> EventLoopFuture<Void>? {
        guard !isCloseSent else { return nil }
        return tls.send(header: Self.header(WebSocketDecoder.Opcode.binary, message.readableBytes), message)
    }

    package func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let message = unwrapOutboundIn(data)
        guard !isCloseSent else {
            promise?.fail(TLSError.closed)
            return
        }
        var header = Self.header(WebSocketDecoder.Opcode.binary, message.readableBytes)
        if message.readableBytes <= Self.copiedBytes {
            header.writeImmutableBuffer(message)
            return context.write(wrapOutboundOut(header), promise: promise)
        }
        context.write(wrapOutboundOut(header), promise: nil)
        context.write(wrapOutboundOut(message), promise: promise)
    }

    /// Sends a close frame. Nothing can be sent after it.
    ///
    /// - Parameter reason: for the client's log; a text of more than `closeTextBytes` is left out.
    package func sendClose(_ code: UInt16, _ reason: String = "") {
        guard let context, !isCloseSent else { return }
        isCloseSent = true
        let text = reason.utf8.count <= Self.closeTextBytes ? Array(reason.utf8) : []
        var frame = Self.header(WebSocketDecoder.Opcode.close, 2 + text.count)
        frame.writeInteger(code)
        frame.writeBytes(text)
        context.writeAndFlush(wrapOutboundOut(frame), promise: nil)
    }

    private func sendControl(_ opcode: UInt8, _ payload: ByteBuffer = ByteBuffer()) {
        guard let context, !isCloseSent else { return }
        var frame = Self.header(opcode, payload.readableBytes)
        frame.writeImmutableBuffer(payload)
        context.writeAndFlush(wrapOutboundOut(frame), promise: nil)
    }

    /// Returns the header of a whole, unmasked frame.
    static func header(_ opcode: UInt8, _ count: Int) -> ByteBuffer {
        var header = ByteBuffer()
        header.writeInteger(0x80 | opcode)
        switch count {
        case ..<126: header.writeInteger(UInt8(count))
        case ...0xffff:
            header.writeInteger(UInt8(126))
            header.writeInteger(UInt16(count))
        default:
            header.writeInteger(UInt8(127))
            header.writeInteger(UInt64(count))
        }
        return header
    }

    /// Pings the client, so that it is heard of and no middlebox forgets the connection.
    private func schedulePing() {
        guard let context else { return }
        pingTimer = context.eventLoop.assumeIsolated().scheduleTask(in: Self.pingInterval) {
            if self.isWritable { self.sendControl(WebSocketDecoder.Opcode.ping) }
            self.schedulePing()
        }
    }

    // MARK: - Receiving

    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isEnded else { return }
        decoder.append(unwrapInboundIn(data))
        do throws(WebSocketDecoder.Failure) {
            while !isEnded, let event = try decoder.next() {
                switch event {
                case .message(let message): context.fireChannelRead(wrapInboundOut(message))
                case .ping(let payload):
                    // A client that does not read needs no answers, which would pile up.
                    if isWritable { sendControl(WebSocketDecoder.Opcode.pong, payload) }
                    context.fireUserInboundEventTriggered(WebSocketEvent.heard)
                case .pong: context.fireUserInboundEventTriggered(WebSocketEvent.heard)
                case .close: end(context, nil)
                }
            }
        } catch {
            end(context, error)
        }
    }

    private func end(_ context: ChannelHandlerContext, _ failure: WebSocketDecoder.Failure?) {
        isEnded = true
        sendClose(failure?.closeCode ?? 1000, failure?.description ?? "")
        context.fireUserInboundEventTriggered(WebSocketEvent.ended(failure))
    }
}

@available(*, unavailable)
extension WebSocketHandler: Sendable {}
