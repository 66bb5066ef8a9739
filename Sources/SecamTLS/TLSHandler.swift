package import NIOCore

package enum TLSEvent: Sendable, Hashable {
    /// Fired as a user event before any plaintext. The fingerprint is the server's, and nil on a server.
    case handshakeCompleted(applicationProtocol: String, peerFingerprint: CertificateFingerprint?)
}

/// TLS 1.3 for one connection: plaintext on the side of the application, records on the side of the socket.
///
/// - `channelActive` passes on as usual; writes before `TLSEvent.handshakeCompleted` wait, up to
///   `TLSLimits.bytesBeforeHandshake`.
/// - A clean end by the peer (`close_notify`) closes the channel and shows as `channelInactive` without an error.
///   Any other end of the stream fires `TLSError.truncated` (before the handshake is complete: `.handshake`) first.
/// - Every error closes the channel.
/// - `close` drops what is not sent yet, as always in NIO, which the peer then sees as `truncated`. `close` with mode
///   `.output` sends what is flushed, then `close_notify`, and leaves the channel open until the peer ends its side.
/// - Writes that do not go out fail with a `TLSError`.
/// - There is no timeout here, and the handler cannot be removed: plaintext would follow the records.
package final class TLSHandler: ChannelDuplexHandler {
    package typealias InboundIn = ByteBuffer
    package typealias InboundOut = ByteBuffer
    package typealias OutboundIn = ByteBuffer
    package typealias OutboundOut = ByteBuffer

    private enum State {
        case idle, handshaking, open, closed
    }

    /// Runs a step of a handshake now, or later on the same event loop.
    package typealias HandshakeTurn = (_ step: @escaping () -> Void) -> Void

    let session: TLSSession
    private let scratch: TLSScratch
    private let handshakeTurn: HandshakeTurn
    private var context: ChannelHandlerContext?
    private var socket: TLSSocket?
    private var state = State.idle
    private var queue = TLSWriteQueue()

    /// The peer's bytes wait for a turn of the handshake; meanwhile no more are read.
    private var isWaitingForTurn = false
    private var isReceiving = false
    private var mustReceiveAgain = false
    private var isSending = false
    /// Records were given to the channel, which may not have sent them yet.
    private var channelMayHoldRecords = false
    /// The application called `read()` and has not been given anything since.
    private var readIsWanted = false
    /// To be read on when the handshake has had its turn.
    private var readIsHeld = false
    private var hasDeliveredBytes = false
    private var reportedWritability = true
    /// Of `close(mode: .output)`, which waits until everything flushed is sent.
    private var outputClosing: OutputClosing?

    private struct OutputClosing {
        var promise: EventLoopPromise<Void>?
        var isDone = false
    }

    /// - Parameters:
    ///   - scratch: shared by the connections of one event loop that use `send`.
    ///   - handshakeTurn: decides when the handshake may compute with what has arrived; by default at once.
    /// - Throws: `TLSError.library`.
    package init(
        context: TLSContext, scratch: TLSScratch = TLSScratch(), handshakeTurn: @escaping HandshakeTurn = { $0() }
    ) throws(TLSError) {
        session = try TLSSession(context)
        self.scratch = scratch
        self.handshakeTurn = handshakeTurn
    }

    // MARK: - Life

    package func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        socket = TLSSocket(context.channel)
        if context.channel.isActive { startHandshake(context) }
    }

    package func channelActive(context: ChannelHandlerContext) {
        // First, since the handshake's first step may already close the channel.
        context.fireChannelActive()
        startHandshake(context)
    }

    package func channelInactive(context: ChannelHandlerContext) {
        streamEnded(context)
        context.fireChannelInactive()
    }

    package func handlerRemoved(context: ChannelHandlerContext) {
        end(failing: .closed)
        self.context = nil
        socket = nil
    }

    package func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .inputClosed? = event as? ChannelEvent { streamEnded(context) }
        context.fireUserInboundEventTriggered(event)
    }

    private func startHandshake(_ context: ChannelHandlerContext) {
        guard state == .idle else { return }
        state = .handshaking
        receive(context)
        if state == .handshaking { context.read() }
    }

    /// The stream is over. That is only right after the peer's `close_notify`, which has set the state already.
    private func streamEnded(_ context: ChannelHandlerContext) {
        switch state {
        case .handshaking:
            fail(context, .handshake(reason: "the peer closed the connection before it was complete"))
        case .open:
            fail(context, .truncated)
        case .idle, .closed:
            end(failing: .closed)
        }
    }

    private func fail(_ context: ChannelHandlerContext, _ error: TLSError) {
        guard state != .closed else { return }
        // OpenSSL may have an alert for the peer.
        sendOutgoing(context)
        completeRead(context)
        end(failing: error)
        context.fireErrorCaught(error)
        context.close(promise: nil)
    }

    private func end(failing error: TLSError) {
        state = .closed
        let closing = outputClosing?.promise
        outputClosing?.promise = nil
        failQueue(error)
        closing?.fail(error)
    }

    private func failQueue(_ error: TLSError) {
        for promise in queue.removeAll() { promise.fail(error) }
    }

    // MARK: - Receiving

    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard state != .closed else { return }
        session.receive(unwrapInboundIn(data))
        if state == .handshaking { waitForTurn() } else { receive(context) }
    }

    /// The channel may have closed, and the handler left it, before the turn comes.
    private func waitForTurn() {
        guard !isWaitingForTurn else { return }
        isWaitingForTurn = true
        handshakeTurn { [self] in
            isWaitingForTurn = false
            guard let context, state == .handshaking else { return }
            let wasHeld = readIsHeld
            readIsHeld = false
            receive(context)
            guard wasHeld, state != .closed else { return }
            completeRead(context)
            context.read()
        }
    }

    package func channelReadComplete(context: ChannelHandlerContext) {
        if hasDeliveredBytes {
            completeRead(context)
        } else if isWaitingForTurn {
            readIsHeld = true
        } else if state == .handshaking || readIsWanted {
            // What arrived was no whole record, or none for the application.
            context.read()
        }
    }

    private func completeRead(_ context: ChannelHandlerContext) {
        guard hasDeliveredBytes else { return }
        hasDeliveredBytes = false
        context.fireChannelReadComplete()
    }

    package func read(context: ChannelHandlerContext) {
        readIsWanted = true
        if isWaitingForTurn {
            readIsHeld = true
        } else {
            context.read()
        }
    }

    /// Takes in all that has arrived. The application may call back into this handler at each step.
    private func receive(_ context: ChannelHandlerContext) {
        mustReceiveAgain = true
        guard !isReceiving else { return }
        isReceiving = true
        defer { isReceiving = false }
        do throws(TLSError) {
            while mustReceiveAgain {
                mustReceiveAgain = false
                if state == .handshaking { try continueHandshake(context) }
                if state == .open { try deliver(context) }
            }
        } catch {
            fail(context, error)
        }
    }

    private func continueHandshake(_ context: ChannelHandlerContext) throws(TLSError) {
        let applicationProtocol = try session.handshake()
        sendOutgoing(context)
        guard let applicationProtocol, state == .handshaking else { return }
        state = .open
        context.fireUserInboundEventTriggered(
            TLSEvent.handshakeCompleted(
                applicationProtocol: applicationProtocol, peerFingerprint: session.peerFingerprint))
        send(context)
    }

    private func deliver(_ context: ChannelHandlerContext) throws(TLSError) {
        while state == .open {
            var buffer = context.channel.allocator.buffer(capacity: session.readCapacity)
            let result = try session.read(into: &buffer)
            sendOutgoing(context)
            switch result {
            case .bytes:
                readIsWanted = false
                hasDeliveredBytes = true
                context.fireChannelRead(wrapInboundOut(buffer))
            case .needMore:
                return
            case .ended:
                peerEnded(context)
            }
        }
    }

    /// We answer `close_notify` at once: nobody in this system sends on a stream that its reader has ended.
    private func peerEnded(_ context: ChannelHandlerContext) {
        guard state == .open else { return }
        session.sendCloseNotify()
        sendOutgoing(context)
        completeRead(context)
        end(failing: .closed)
        context.close(promise: nil)
    }

    // MARK: - Sending

    /// Whether the peer takes what is sent, as the last `channelWritabilityChanged` said it.
    package var isWritable: Bool { reportedWritability }

    /// Writes and flushes. While nothing waits before it, it goes to the socket right away: without the channel's way
    /// there, which costs each viewer a tenth of what a frame costs in all.
    ///
    /// - Returns: what to wait for, nil when the socket has taken all of it.
    package func send(_ plaintext: ByteBuffer) -> EventLoopFuture<Void>? {
        guard let context else { return nil }
        var rest = plaintext
        do throws(TLSError) {
            if try sendPastChannel(context, &rest) { return nil }
        } catch {
            fail(context, error)
        }
        let promise = context.eventLoop.makePromise(of: Void.self)
        write(context: context, data: wrapOutboundOut(rest), promise: promise)
        flush(context: context)
        return promise.futureResult
    }

    /// - Returns: whether the socket has taken everything. When it has not, records may be in the channel.
    private func sendPastChannel(
        _ context: ChannelHandlerContext, _ plaintext: inout ByteBuffer
    ) throws(TLSError) -> Bool {
        guard state == .open, !isSending, outputClosing == nil, queue.isEmpty, let socket,
            !channelHoldsRecords(context)
        else { return false }
        while plaintext.readableBytes > 0 {
            let count = min(plaintext.readableBytes, TLSLimits.encryptedSlice)
            session.reserveOutgoing(plaintext: count, in: scratch)
            try session.write(&plaintext, count)
            guard var records = session.takeOutgoing() else { return false }
            records.moveReaderIndex(forwardBy: socket.send(records))
            guard records.readableBytes == 0 else {
                // The application hears of the socket's writability when the rest of this message is in the queue.
                isSending = true
                pass(records, to: context, promise: nil)
                isSending = false
                return false
            }
            scratch.giveBack(consume records)
        }
        return true
    }

    private func channelHoldsRecords(_ context: ChannelHandlerContext) -> Bool {
        if channelMayHoldRecords {
            // What has no such figure any more is closed, and says so to whoever writes.
            channelMayHoldRecords = (try? context.channel.syncOptions?.getOption(.bufferedWritableBytes)) != 0
        }
        return channelMayHoldRecords
    }

    private func pass(_ records: ByteBuffer, to context: ChannelHandlerContext, promise: EventLoopPromise<Void>?) {
        channelMayHoldRecords = true
        context.writeAndFlush(wrapOutboundOut(records), promise: promise)
    }

    package func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let buffer = unwrapOutboundIn(data)
        guard state != .closed, outputClosing == nil else {
            promise?.fail(TLSError.closed)
            return
        }
        let limit = state == .open ? TLSLimits.queuedBytes : TLSLimits.bytesBeforeHandshake
        guard queue.byteCount + buffer.readableBytes <= limit else {
            let error = TLSError.queueFull(limit: limit)
            promise?.fail(error)
            // A stream with a hole in it is of no use to anybody.
            fail(context, error)
            return
        }
        queue.append(buffer, promise)
    }

    package func flush(context: ChannelHandlerContext) {
        // Applications flush at the end of each read, mostly in vain.
        guard !queue.isEmpty else { return }
        queue.markFlushed()
        send(context)
    }

    package func channelWritabilityChanged(context: ChannelHandlerContext) {
        send(context)
        reportWritability(context)
    }

    package func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        switch mode {
        case .input:
            // We must read on to tell a clean end from a cut.
            promise?.fail(ChannelError.operationUnsupported)
        case .output:
            guard state != .closed, outputClosing == nil else {
                promise?.fail(TLSError.closed)
                return
            }
            outputClosing = OutputClosing(promise: promise)
            send(context)
        case .all:
            // With flushed bytes missing, the peer must see the end as a cut.
            if state == .open, !queue.hasFlushed, outputClosing?.isDone != true {
                session.sendCloseNotify()
                sendOutgoing(context)
            }
            end(failing: .closed)
            context.close(mode: .all, promise: promise)
        }
    }

    /// Encrypts what is flushed, a slice at a time and only while the socket takes it: what waits for a slow peer is
    /// the caller's own buffer, not a copy of it.
    private func send(_ context: ChannelHandlerContext) {
        guard state == .open, !isSending else { return }
        isSending = true
        do throws(TLSError) {
            while state == .open, queue.hasFlushed, context.channel.isWritable {
                let promise = try queue.encryptSlice(with: session, scratch, context.eventLoop)
                let records = session.takeOutgoing()
                if records != nil || promise != nil { pass(records ?? ByteBuffer(), to: context, promise: promise) }
            }
        } catch {
            fail(context, error)
        }
        isSending = false
        closeOutputIfSent(context)
        reportWritability(context)
    }

    private func closeOutputIfSent(_ context: ChannelHandlerContext) {
        guard state == .open, !queue.hasFlushed, let closing = outputClosing, !closing.isDone else { return }
        outputClosing = OutputClosing(promise: nil, isDone: true)
        failQueue(.closed)
        session.sendCloseNotify()
        sendOutgoing(context)
        context.close(mode: .output, promise: closing.promise)
    }

    /// The socket's writability goes up and down with each slice; the application hears of the outcome.
    private func reportWritability(_ context: ChannelHandlerContext) {
        let isWritable = context.channel.isWritable
        guard !isSending, isWritable != reportedWritability else { return }
        reportedWritability = isWritable
        context.fireChannelWritabilityChanged()
    }

    private func sendOutgoing(_ context: ChannelHandlerContext) {
        if let records = session.takeOutgoing() { pass(records, to: context, promise: nil) }
    }
}

@available(*, unavailable)
extension TLSHandler: Sendable {}
