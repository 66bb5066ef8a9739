package import NIOCore
package import NIOHTTP1
import SecamBase
import SecamTLS
import SecamUsers
import SecamWire

/// One HTTP/1.1 connection: it answers one request after the other, in order, and may become a WebSocket.
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
        case closing
        /// Another handler has taken over.
        case upgraded
    }

    private let backend: any WebBackend
    private let limits: WebLimits
    private var context: ChannelHandlerContext?
    private var state = State.idle
    /// Parts that arrived before the response to an earlier request was sent. No more is read meanwhile.
    private var waiting: CircularBuffer<HTTPServerRequestPart> = []
    private var readIsHeld = false
    private var anonymousRequests = 0
    private var isUsers = false

    private var timer: Scheduled<Void>?
    private var timerDeadline: NIODeadline?
    private var deadline: NIODeadline?

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
        setDeadline(limits.idleTimeout)
    }

    package func handlerRemoved(context: ChannelHandlerContext) {
        timer?.cancel()
        self.context = nil
        if case .upgraded = state { return }
        state = .closing
        waiting = []
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
        case .responding, .closing, .upgraded: context.close(promise: nil)
        }
    }

    /// Sends what was written and closes the connection.
    private func finish(_ context: ChannelHandlerContext) {
        state = .closing
        waiting = []
        // Only the output: with unread bytes from the client, the kernel would discard the response.
        context.close(mode: .output, promise: nil)
        setDeadline(.seconds(2))
        resumeReading()
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
            self.context?.close(promise: nil)
        }
    }

    // MARK: - Requests

    package func read(context: ChannelHandlerContext) {
        switch state {
        case .responding: readIsHeld = true
        case .idle, .body, .closing, .upgraded: context.read()
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
        case .closing, .upgraded: break
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
        let isFull = !isUsers && anonymousRequests + 1 >= WebLimits.anonymousRequests
        anonymousRequests += 1
        state = .responding(isKeepAlive: mayContinue && !isFull, isHead: head.method == .HEAD)
        setDeadline(limits.responseTimeout)
        do throws(HTTPRequest.Malformed) {
            answer(try HTTPRequest(head: head, body: body))
        } catch {
            state = .responding(isKeepAlive: false, isHead: head.method == .HEAD)
            respond(.error(.badRequest, "badRequest"))
        }
    }

    private func answer(_ request: HTTPRequest) {
        let route = Route(request.path)
        guard route.methods.contains(request.method) else {
            let allowed = route.methods.map(\.rawValue).joined(separator: ", ")
            return respond(
                route == .unknown
                    ? .error(.notFound, "notFound") : .error(.methodNotAllowed, "method", headers: [("Allow", allowed)])
            )
        }
        guard request.origin != .foreign || route == .page else { return respond(.error(.forbidden, "origin")) }
        switch (route, request.method) {
        case (.unknown, _): respond(.error(.notFound, "notFound"))
        case (.page, _): respond(page(request))
        case (.session, .POST): logIn(request)
        case (.session, .DELETE):
            guard let access = access(request) else { return }
            _ = backend.endSession(access.session.id, of: access.user.name, reason: "signed out")
            respond(HTTPResponse(.noContent, headers: [("Cache-Control", "no-store"), SessionCookie.removal]))
        case (.session, _):
            guard let access = access(request) else { return }
            respond(
                .json(
                    .ok,
                    JSONText.object([
                        "user": JSONText.string(access.user.name.text),
                        "isAdministrator": "\(access.user.role == .admin)",
                    ])))
        case (.sessions, _):
            guard let access = access(request) else { return }
            respond(.json(.ok, SessionList.text(backend.sessions(of: access.user.name), current: access.session)))
        case (.sessionEntry(let id), _):
            guard let access = access(request) else { return }
            let isEnded = backend.endSession(id, of: access.user.name, reason: "session revoked")
            respond(isEnded ? .noContent : .error(.notFound, "notFound"))
        case (.webSocket, _): upgrade(request)
        }
    }

    private func page(_ request: HTTPRequest) -> HTTPResponse {
        guard let file = WebPage.file(request.path) else { return .error(.notFound, "notFound") }
        let headers = [("ETag", file.tag), ("Cache-Control", "no-cache")]
        if request.headers[canonicalForm: "if-none-match"].contains(where: { $0 == file.tag }) {
            return HTTPResponse(.notModified, headers: headers)
        }
        return HTTPResponse(.ok, headers: [("Content-Type", file.type)] + headers, body: .bytes(file.content))
    }

    // MARK: - Sessions

    /// Returns the session of a request. Without one, answers the request.
    private func access(_ request: HTTPRequest) -> SessionAccess? {
        guard let token = SessionCookie.token(in: request), let access = backend.access(token: token) else {
            respond(.error(.unauthorized, "session"))
            return nil
        }
        guard backend.admit(access.user) else {
            respond(.error(.tooManyRequests, "busy", retryAfter: 1))
            return nil
        }
        isUsers = true
        return access
    }

    private func logIn(_ request: HTTPRequest) {
        guard let credentials = Credentials(request) else { return respond(.error(.badRequest, "badRequest")) }
        let former = SessionCookie.token(in: request).flatMap(backend.access)
        let login = credentials.login(device: SessionCookie.deviceToken(in: request))
        setDeadline(nil)
        backend.logIn(login, client: request.headers.first(name: "user-agent") ?? "") { [self] result in
            setDeadline(limits.responseTimeout)
            switch result {
            case .accepted(let token, let device):
                // Nothing else can end the session whose cookie is replaced.
                if let former {
                    _ = backend.endSession(former.session.id, of: former.user.name, reason: "signed in again")
                }
                respond(
                    HTTPResponse(
                        .noContent,
                        headers: [("Cache-Control", "no-store"), SessionCookie.header(token: token)]
                            + (device.map { [SessionCookie.header(deviceToken: $0)] } ?? [])))
            case .denied(.credentials, _): respond(.error(.unauthorized, "credentials"))
            case .denied(.locked, let wait): respond(.error(.tooManyRequests, "locked", retryAfter: wait))
            case .denied(.busy, let wait): respond(.error(.tooManyRequests, "busy", retryAfter: wait))
            case .failed: respond(.error(.serviceUnavailable, "busy", retryAfter: 1))
            }
        }
    }

    // MARK: - WebSocket

    private func upgrade(_ request: HTTPRequest) {
        // Every browser sends its origin here. A cookie that comes without one was not sent by our page.
        guard request.origin == .own else { return respond(.error(.forbidden, "origin")) }
        guard let access = access(request) else { return }
        let response = WebSocketUpgrade.response(to: request)
        guard response.status == .switchingProtocols, let context else { return respond(response) }
        context.writeAndFlush(wrapOutboundOut(response.head(isTrusted: backend.isTrusted, closes: false)), promise: nil)
        state = .upgraded
        timer?.cancel()
        let socket = backend.makeWebSocket()
        let viewer = backend.makeViewer(access, socket)
        let pipeline = context.pipeline.syncOperations
        do {
            // The viewer sends as soon as it is added, so the WebSocket must be there before it.
            try pipeline.addHandler(socket, position: .after(self))
            try pipeline.addHandler(viewer, position: .after(socket))
            let decoder = try pipeline.handler(type: ByteToMessageHandler<HTTPRequestDecoder>.self)
            pipeline.removeHandler(self, promise: nil)
            // Bytes that followed the request go on to the WebSocket.
            pipeline.removeHandler(decoder, promise: nil)
        } catch {
            context.close(promise: nil)
        }
    }

    // MARK: - Responses

    /// Sends the response to the request in progress, and continues with the next request.
    private func respond(_ response: HTTPResponse) {
        guard let context, case .responding(let isKeepAlive, let isHead) = state else { return }
        let promise = context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenComplete { result in
            guard case .success = result, case .responding = self.state else { return }
            if isKeepAlive { self.continueReading() } else if let context = self.context { self.finish(context) }
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
        case .responding, .closing, .upgraded: break
        }
    }
}

@available(*, unavailable)
extension HTTPHandler: Sendable {}
