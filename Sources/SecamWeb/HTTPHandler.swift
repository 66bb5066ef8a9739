package import NIOCore
package import NIOHTTP1
import SecamBase
import SecamTLS

/// One HTTP/1.1 connection: it answers one request after the other, in order, and may become a stream or a WebSocket.
///
/// It sits behind the decoder of requests. Responses go as bytes directly to the TLS handler.
package final class HTTPHandler: ChannelDuplexHandler, RemovableChannelHandler {
    package typealias InboundIn = HTTPServerRequestPart
    package typealias OutboundIn = Never
    package typealias OutboundOut = ByteBuffer

    private enum State {
        /// Between requests, or within a head.
        case idle
        case body(HTTPRequestHead, ByteBuffer)
        case responding(isKeepAlive: Bool, isHead: Bool)
        case streaming(any ResponseStream)
        case closing
        /// Another handler has taken over.
        case upgraded
    }

    private let backend: any WebBackend
    private let limits: WebLimits
    private var handler: RequestHandler?
    private var context: ChannelHandlerContext?
    private var state = State.idle
    /// The response is written, but not sent.
    private var isResponseWritten = false
    /// Parts that arrived before the response to an earlier request was sent. No more is read meanwhile.
    private var waiting: CircularBuffer<HTTPServerRequestPart> = []
    private var readIsHeld = false
    private var anonymousRequests = 0
    /// Whether a user's request has come over this connection.
    var isUsers = false
    /// Whether the gateway, not the client, is to act next. No deadline applies then.
    var waitsForGateway = false {
        didSet { setDeadline(waitsForGateway ? nil : limits.responseTimeout) }
    }

    private var timer: Scheduled<Void>?
    private var timerDeadline: NIODeadline?
    private var deadline: NIODeadline?
    /// Time without a write after which a stream ends.
    private var silence: TimeAmount?

    package init(backend: any WebBackend, limits: WebLimits) {
        self.backend = backend
        self.limits = limits
    }

    /// Returns the handlers of an HTTP connection, for a place behind the TLS handler.
    package static func handlers(backend: any WebBackend, limits: WebLimits) -> [any ChannelHandler] {
        var parsing = NIOHTTPDecoderLimitConfiguration()
        parsing.maxHeaderFieldSize = WebLimits.headerBytes
        parsing.maxHeaderListSize = WebLimits.headerBytes
        parsing.maxHeaderFieldCount = WebLimits.headerCount
        let decoder = HTTPRequestDecoder(leftOverBytesStrategy: .forwardBytes, limitConfiguration: parsing)
        return [ByteToMessageHandler(decoder), HTTPHandler(backend: backend, limits: limits)]
    }

    // MARK: - Life

    package func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        handler = RequestHandler(backend, self)
        setDeadline(limits.idleTimeout)
    }

    package func handlerRemoved(context: ChannelHandlerContext) {
        timer?.cancel()
        self.context = nil
        handler = nil
        if case .upgraded = state { return }
        if case .streaming(let stream) = state { stream.end() }
        state = .closing
        waiting = []
        backend.stop()
        backend.connectionClosed()
    }

    package func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let error = error as? HTTPParserError else { return context.close(promise: nil) }
        switch state {
        case .idle, .body:
            // What follows the breach cannot be parsed.
            state = .responding(isKeepAlive: false, isHead: false)
            respond(
                error == .headerOverflow
                    ? .error(.requestHeaderFieldsTooLarge, "headers") : .error(.badRequest, "badRequest"))
        case .responding, .streaming, .closing, .upgraded: context.close(promise: nil)
        }
    }

    /// Sends what was written and closes the connection.
    private func finish() {
        guard let context else { return }
        state = .closing
        waiting = []
        // Only the output: with unread bytes from the client, the kernel would discard the response.
        context.close(mode: .output, promise: nil)
        setDeadline(limits.closeTimeout)
        resumeReading()
    }

    package func channelWritabilityChanged(context: ChannelHandlerContext) {
        if case .streaming(let stream) = state, backend.isWritable { stream.resume() }
        context.fireChannelWritabilityChanged()
    }

    // MARK: - Deadlines

    private func setDeadline(_ time: TimeAmount?) {
        deadline = time.map { .now() + $0 }
        armTimer()
    }

    /// The timer does not move with each request: when it fires too early, it is set again.
    private func armTimer() {
        guard let context, let deadline else { return }
        if let timerDeadline, timerDeadline <= deadline { return }
        timer?.cancel()
        timerDeadline = deadline
        timer = context.eventLoop.assumeIsolated().scheduleTask(deadline: deadline) {
            self.timerDeadline = nil
            guard let deadline = self.deadline, deadline <= .now() else { return self.armTimer() }
            if case .streaming = self.state { return self.endStream() }
            self.context?.close(promise: nil)
        }
    }

    /// Runs `body` at a time; never after the connection is closed.
    func schedule(at time: NIODeadline, _ body: @escaping () -> Void) -> Scheduled<Void>? {
        context?.eventLoop.assumeIsolated().scheduleTask(deadline: time) { if self.context != nil { body() } }
    }

    // MARK: - Requests

    package func read(context: ChannelHandlerContext) {
        switch state {
        case .responding: readIsHeld = true
        case .idle, .body, .streaming, .closing, .upgraded: context.read()
        }
    }

    private func resumeReading() {
        guard readIsHeld else { return }
        readIsHeld = false
        context?.read()
    }

    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let part = unwrapInboundIn(data)
        switch state {
        case .responding: waiting.append(part)
        case .idle, .body: receive(part)
        case .streaming, .closing, .upgraded: break
        }
    }

    private func receive(_ part: HTTPServerRequestPart) {
        switch (part, state) {
        case (.head(let head), .idle):
            state = .body(head, ByteBuffer())
            setDeadline(limits.bodyTimeout)
        case (.body(let bytes), .body(let head, let earlier)):
            guard earlier.readableBytes + bytes.readableBytes <= WebLimits.bodyBytes else {
                bytes.eraseReadableBytes()
                state = .responding(isKeepAlive: false, isHead: head.method == .HEAD)
                return respond(.error(.payloadTooLarge, "tooLarge"))
            }
            // A copy of exact size, which is erased after the request: the body may hold a password.
            var body = ByteBuffer()
            body.reserveCapacity(earlier.readableBytes + bytes.readableBytes)
            body.writeImmutableBuffer(earlier)
            body.writeImmutableBuffer(bytes)
            earlier.eraseReadableBytes()
            bytes.eraseReadableBytes()
            state = .body(head, body)
        case (.end, .body(let head, let body)):
            handle(head, body)
            body.eraseReadableBytes()
        default: break
        }
    }

    private func handle(_ head: HTTPRequestHead, _ body: ByteBuffer) {
        // A request to switch to another protocol ends the parsing.
        let mayContinue = head.isKeepAlive && head.headers["upgrade"].isEmpty
        anonymousRequests += isUsers ? 0 : 1
        let isFull = anonymousRequests >= WebLimits.anonymousRequests
        state = .responding(isKeepAlive: mayContinue && !isFull, isHead: head.method == .HEAD)
        isResponseWritten = false
        setDeadline(limits.responseTimeout)
        do throws(HTTPRequest.Malformed) {
            handler?.answer(try HTTPRequest(head: head, body: body))
        } catch {
            state = .responding(isKeepAlive: false, isHead: head.method == .HEAD)
            respond(.error(.badRequest, "badRequest"))
        }
    }

    // MARK: - Responses

    /// Whether a request waits for its response.
    var isResponding: Bool {
        if case .responding = state { !isResponseWritten } else { false }
    }

    /// Whether the client accepts data.
    var isWritable: Bool { context != nil && backend.isWritable }

    /// Sends the response to the request in progress, and continues with the next request. Without a request in progress,
    /// does nothing.
    func respond(_ response: HTTPResponse) {
        guard let context, isResponding, case .responding(let isKeepAlive, let isHead) = state else { return }
        isResponseWritten = true
        let promise = context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenComplete { result in
            guard case .success = result, case .responding = self.state else { return }
            if isKeepAlive { self.continueReading() } else { self.finish() }
        }
        let head = response.head(isTrusted: backend.isTrusted, closes: !isKeepAlive)
        if case .bytes(let body) = response.body, body.readableBytes > 0, !isHead {
            context.write(wrapOutboundOut(head), promise: nil)
            context.writeAndFlush(wrapOutboundOut(body), promise: promise)
        } else {
            context.writeAndFlush(wrapOutboundOut(head), promise: promise)
        }
    }

    private func continueReading() {
        state = .idle
        setDeadline(isUsers ? limits.userIdleTimeout : limits.idleTimeout)
        while let part = waiting.popFirst() {
            receive(part)
            if case .responding = state { return }
        }
        switch state {
        case .idle, .body: resumeReading()
        case .responding, .streaming, .closing, .upgraded: break
        }
    }

    // MARK: - Streams

    /// Begins a response without end.
    ///
    /// - Parameters:
    ///   - opening: bytes behind the head.
    ///   - silence: time without a write after which the stream ends.
    /// - Returns: false when there is no request in progress.
    func startStream(
        _ stream: any ResponseStream, head response: HTTPResponse, opening: ByteBuffer, silence: TimeAmount?
    ) -> Bool {
        guard let context, isResponding else { return false }
        state = .streaming(stream)
        self.silence = silence
        waiting = []
        var head = response.head(isTrusted: backend.isTrusted, closes: true)
        head.writeImmutableBuffer(opening)
        context.writeAndFlush(wrapOutboundOut(head), promise: nil)
        setDeadline(silence)
        // Nothing is expected of the client, but the end of its connection must be seen.
        resumeReading()
        return true
    }

    /// Sends a part of a stream. Its bytes are not copied.
    ///
    /// - Parameter whenSent: called when the client has accepted it.
    func send(
        header: ByteBuffer, _ bytes: ByteBuffer, trailer: ByteBuffer, whenSent: @escaping () -> Void
    ) {
        guard context != nil, case .streaming = state else { return }
        let sent = backend.send(header: header, bytes)
        guard let context, case .streaming = state else { return }
        // In order behind the bytes, wherever these wait.
        let promise = context.eventLoop.makePromise(of: Void.self)
        context.writeAndFlush(wrapOutboundOut(trailer), promise: promise)
        _ = sent
        complete(promise.futureResult, whenSent)
    }

    func send(_ bytes: ByteBuffer, whenSent: @escaping () -> Void) {
        guard let context, case .streaming = state else { return }
        let promise = context.eventLoop.makePromise(of: Void.self)
        context.writeAndFlush(wrapOutboundOut(bytes), promise: promise)
        complete(promise.futureResult, whenSent)
    }

    private func complete(_ future: EventLoopFuture<Void>, _ whenSent: @escaping () -> Void) {
        setDeadline(limits.responseTimeout)
        future.assumeIsolated().whenComplete { result in
            guard case .success = result, case .streaming = self.state else { return }
            self.setDeadline(self.silence)
            whenSent()
        }
    }

    /// Ends the stream and the connection.
    func endStream() {
        guard case .streaming(let stream) = state else { return }
        stream.end()
        backend.stop()
        finish()
    }

    // MARK: - WebSocket

    /// Sends the response that switches the protocol, and gives the connection to a viewer.
    func upgrade(_ response: HTTPResponse, makeViewer: (WebSocketHandler) -> any ChannelHandler) {
        guard let context, isResponding else { return }
        context.writeAndFlush(wrapOutboundOut(response.head(isTrusted: backend.isTrusted, closes: false)), promise: nil)
        timer?.cancel()
        let socket = backend.makeWebSocket()
        let pipeline = context.pipeline.syncOperations
        do {
            // The viewer sends as soon as it is added, so the WebSocket must be there before it.
            try pipeline.addHandler(socket, position: .after(self))
            let decoder = try pipeline.handler(type: ByteToMessageHandler<HTTPRequestDecoder>.self)
            try pipeline.addHandler(makeViewer(socket), position: .after(socket))
            state = .upgraded
            pipeline.removeHandler(self, promise: nil)
            // Bytes that followed the request go on to the WebSocket.
            pipeline.removeHandler(decoder, promise: nil)
        } catch {
            context.close(promise: nil)
        }
    }
}

@available(*, unavailable)
extension HTTPHandler: Sendable {}
