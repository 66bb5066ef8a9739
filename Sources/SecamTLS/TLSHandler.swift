package import NIOCore

package enum TLSEvent: Sendable, Hashable {
    /// Fired as a user event before any plaintext. On a client, the fingerprint is the server's; on a server it is
    /// `nil`.
    case handshakeCompleted(applicationProtocol: String, peerFingerprint: CertificateFingerprint?)
}

/// TLS 1.3 for one connection, with plaintext towards the application and records towards the socket.
///
/// - `channelActive` is forwarded at once; writes before `TLSEvent.handshakeCompleted` wait, up to
///   `TLSLimits.bytesBeforeHandshake`.
/// - A clean end by the peer (`close_notify`) closes the channel, which reports `channelInactive` without an error. Any
///   other end first fires `TLSError.truncated`, or `.handshake` during the handshake.
/// - Every error closes the channel.
/// - `close` drops unsent data, as always in NIO, which the peer sees as `truncated`. `close` with mode `.output` sends
///   flushed data and `close_notify`, and keeps the channel open until the peer ends its side.
/// - Writes that are not sent fail with a `TLSError`.
/// - The handler has no timeout. It cannot be removed, because plaintext would follow the records.
package final class TLSHandler: ChannelDuplexHandler {
    package typealias InboundIn = ByteBuffer
    package typealias InboundOut = ByteBuffer
    package typealias OutboundIn = ByteBuffer
    package typealias OutboundOut = ByteBuffer

    private enum State {
        case idle, handshaking, open, closed
    }

    /// Runs a handshake step now, or later on the same event loop.
    package typealias HandshakeTurn = (_ step: @escaping () -> Void) -> Void

    let session: TLSSession
    private let scratch: TLSScratch
    private let handshakeTurn: HandshakeTurn
    private var context: ChannelHandlerContext?
    private var socket: TLSSocket?
    private var state = State.idle
    private var queue = TLSWriteQueue()

    /// The peer's bytes wait for their handshake turn; nothing more is read meanwhile.
    private var isWaitingForTurn = false
    private var isReceiving = false
    private var mustReceiveAgain = false
    private var isSending = false
    /// Records were written to the channel, which may not have sent them yet.
    private var channelMayHoldRecords = false
    /// The application called `read()` and has received nothing since.
    private var readIsWanted = false
    /// Reading continues after the handshake's turn.
    private var readIsHeld = false
    private var hasDeliveredBytes = false
    private var reportedWritability = true
    /// The promise of `close(mode: .output)`, which waits until all flushed data is sent.
    private var outputClosing: OutputClosing?

    private struct OutputClosing {
        var promise: EventLoopPromise<Void>?
        var isDone = false
    }

    /// - Parameters:
    ///   - scratch: memory shared by the connections of one event loop that use `send`.
    ///   - handshakeTurn: schedules the computations of the handshake; by default at once.
    /// - Throws: `TLSError.library`.
    package init(
        context: TLSContext, scratch: TLSScratch = TLSScratch(), handshakeTurn: @escaping HandshakeTurn = { $0() }
    ) throws(TLSError) {
        session = try TLSSession(context)
        self.scratch = scratch
        self.handshakeTurn = handshakeTurn
    }

    /// Whether this server's certificate is signed by its own key.
    package var isSelfSigned: Bool { session.context.isSelfSigned }

    /// The event loop of the channel; `nil` outside of one.
    package var eventLoop: (any EventLoop)? { context?.eventLoop }

    /// Closes the channel.
    package func close() { context?.close(promise: nil) }

    // MARK: - Lifecycle

    package func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        socket = TLSSocket(context.channel)
        if context.channel.isActive { startHandshake(context) }
    }

    package func channelActive(context: ChannelHandlerContext) {
        // Forwarded first, since the handshake's first step may already close the channel.
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

    /// Handles the end of the stream, which is an error unless `close_notify` has already set the state.
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

    /// The channel may close and remove the handler before the turn comes.
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
            // The received bytes were an incomplete record, or a record without application data.
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

    /// Processes all received bytes. The application may call back into this handler at each step.
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

    /// Answers `close_notify` at once: no program of this system sends on a stream that its reader has ended.
    private func peerEnded(_ context: ChannelHandlerContext) {
        guard state == .open else { return }
        session.sendCloseNotify()
        sendOutgoing(context)
        completeRead(context)
        end(failing: .closed)
        context.close(promise: nil)
    }

    // MARK: - Sending

    /// Whether the peer accepts data, as the last `channelWritabilityChanged` reported.
    package var isWritable: Bool { reportedWritability }

    /// Writes and flushes. With an empty queue the records go directly to the socket; the way through the channel would
    /// cost each viewer a tenth of a frame's total cost.
    ///
    /// - Parameter header: a few bytes that precede the plaintext, so that connections with headers of their own can
    ///   share it.
    /// - Returns: a future of the write; `nil` when the socket has accepted everything.
    package func send(header: ByteBuffer = ByteBuffer(), _ plaintext: ByteBuffer) -> EventLoopFuture<Void>? {
        guard let context else { return nil }
        var first = header
        var rest = plaintext
        do throws(TLSError) {
            if try sendPastChannel(context, &first, &rest) { return nil }
        } catch {
            fail(context, error)
        }
        if first.readableBytes > 0 { write(context: context, data: wrapOutboundOut(first), promise: nil) }
        let promise = context.eventLoop.makePromise(of: Void.self)
        write(context: context, data: wrapOutboundOut(rest), promise: promise)
        flush(context: context)
        return promise.futureResult
    }

    /// - Returns: whether the socket has accepted everything; if not, the channel may hold records.
    private func sendPastChannel(
        _ context: ChannelHandlerContext, _ header: inout ByteBuffer, _ plaintext: inout ByteBuffer
    ) throws(TLSError) -> Bool {
        guard state == .open, !isSending, outputClosing == nil, queue.isEmpty, let socket,
            !channelHoldsRecords(context)
        else { return false }
        while plaintext.readableBytes > 0 {
            let count = min(plaintext.readableBytes, TLSLimits.encryptedSlice)
            session.reserveOutgoing(plaintext: header.readableBytes + count, in: scratch)
            try session.write(&header, header.readableBytes)
            try session.write(&plaintext, count)
            guard var records = session.takeOutgoing() else { return false }
            records.moveReaderIndex(forwardBy: socket.send(records))
            guard records.readableBytes == 0 else {
                // The application learns of the socket's writability when the rest of this message is queued.
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
            // A channel without this figure is closed, and reports that to its writers.
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
            // A stream with a gap is useless.
            fail(context, error)
            return
        }
        queue.append(buffer, promise)
    }

    package func flush(context: ChannelHandlerContext) {
        // Applications flush after each read, usually without a write.
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
            // Reading continues, to distinguish a clean end from a truncated stream.
            promise?.fail(ChannelError.operationUnsupported)
        case .output:
            guard state != .closed, outputClosing == nil else {
                promise?.fail(TLSError.closed)
                return
            }
            outputClosing = OutputClosing(promise: promise)
            send(context)
        case .all:
            // When flushed bytes are missing, the peer must see a truncated stream.
            if state == .open, !queue.hasFlushed, outputClosing?.isDone != true {
                session.sendCloseNotify()
                sendOutgoing(context)
            }
            end(failing: .closed)
            context.close(mode: .all, promise: promise)
        }
    }

    /// Encrypts flushed data in slices, only while the socket accepts it: the data that waits for a slow peer is the
    /// caller's buffer, not a copy.
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

    /// Reports only the outcome: the socket's writability changes with each slice.
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
