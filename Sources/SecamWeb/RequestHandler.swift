import NIOCore
import NIOHTTP1
import SecamBase
import SecamProcess
import SecamUsers
import SecamWire

/// Answers the requests of one connection, one after the other.
final class RequestHandler {
    let backend: any WebBackend
    /// Referred to by requests that wait for the gateway, also after its end.
    let connection: HTTPHandler

    init(_ backend: any WebBackend, _ connection: HTTPHandler) {
        self.backend = backend
        self.connection = connection
    }

    func respond(_ response: HTTPResponse) { connection.respond(response) }

    func answer(_ request: HTTPRequest) {
        backend.beginRequest(forwardedFor: request.headers["x-forwarded-for"])
        let route = Route(request.path)
        guard route != .unknown else { return respond(.error(.notFound, "notFound")) }
        guard route.methods.contains(request.method) else {
            let allowed = route.methods.map(\.rawValue).joined(separator: ", ")
            return respond(.error(.methodNotAllowed, "method", headers: [("Allow", allowed)]))
        }
        // Only browsers send the header: a page of another site asks for a change.
        if request.origin == .foreign, ![.GET, .HEAD].contains(request.method) || route == .webSocket {
            return respond(.error(.forbidden, "origin"))
        }
        switch route {
        case .unknown: respond(.error(.notFound, "notFound"))
        case .page: respond(page(request))
        case .health: respond(.json(.ok, JSONText.object(["status": JSONText.string("ok")])))
        case .session: answerSession(request)
        case .sessions:
            withSession(request) { access, session in
                self.respond(
                    .json(.ok, SessionList.text(self.backend.sessions(of: access.user.name), current: session)))
            }
        case .sessionEntry(let id):
            withSession(request) { access, _ in
                let isEnded = self.backend.endSession(id, of: access.user.name, reason: "session revoked")
                self.respond(isEnded ? .noContent : .error(.notFound, "notFound"))
            }
        case .tokens: answerTokens(request)
        case .tokenEntry(let id): removeToken(id, request)
        case .secondFactor: changeSecondFactor(request)
        case .webSocket: upgrade(request)
        case .cameras: authorize(request, []) { self.listCameras($0) }
        case .camera(let name):
            withCamera(name, request, []) { camera, _ in self.respond(.json(.ok, CameraText.json(camera))) }
        case .snapshot(let name): withCamera(name, request, .snapshot) { self.sendSnapshot(request, $0, $1) }
        case .stream(let name): withCamera(name, request, .live) { self.streamPictures(request, $0, $1) }
        case .thumbnail(let name): authorize(request, .recordings) { self.sendThumbnail(request, name, $0) }
        case .events: authorize(request, .events) { self.answerEvents(request, $0) }
        case .recordings: authorize(request, .recordings) { self.listRecordings(request, $0) }
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

    private func answerSession(_ request: HTTPRequest) {
        switch request.method {
        case .POST: logIn(request)
        case .DELETE:
            withSession(request) { access, session in
                _ = self.backend.endSession(session.id, of: access.user.name, reason: "signed out")
                self.respond(HTTPResponse(.noContent, headers: [("Cache-Control", "no-store"), SessionCookie.removal]))
            }
        default:
            withSession(request) { access, _ in
                let factor = self.backend.secondFactor(of: access.user.name)
                self.respond(
                    .json(
                        .ok,
                        JSONText.object([
                            "user": JSONText.string(access.user.name.text),
                            "isAdministrator": "\(access.user.role == .admin)",
                            "hasSecondFactor": "\(factor.isSet)", "needsSecondFactor": "\(factor.isRequired)",
                        ])))
            }
        }
    }

    private func logIn(_ request: HTTPRequest) {
        guard let credentials = request.jsonFields.flatMap(Credentials.init) else {
            return respond(.error(.badRequest, "badRequest"))
        }
        let former = SessionCookie.token(in: request).flatMap(backend.access)
        let login = credentials.login(device: SessionCookie.deviceToken(in: request))
        connection.waitsForGateway = true
        backend.logIn(login, client: request.headers.first(name: "user-agent") ?? "") { [self] result in
            connection.waitsForGateway = false
            switch result {
            case .accepted(let token, let device):
                // Nothing else can end the session whose cookie is replaced, or reaches no browser.
                let unused = connection.isResponding ? former : backend.access(token: token)
                if let unused, let session = unused.session {
                    _ = backend.endSession(session.id, of: unused.user.name, reason: "signed in again")
                }
                respond(
                    HTTPResponse(
                        .noContent,
                        headers: [("Cache-Control", "no-store"), SessionCookie.header(token: token)]
                            + (device.map { [SessionCookie.header(deviceToken: $0)] } ?? [])))
            case .denied(let reason, let wait): respond(.error(reason, wait))
            case .failed: respond(.error(.serviceUnavailable, "busy", retryAfter: 1))
            }
        }
    }

    // MARK: - Access

    /// Calls `body` with the session of the request, or refuses the request.
    func withSession(_ request: HTTPRequest, _ body: (WebAccess, UserSession) -> Void) {
        guard let access = SessionCookie.token(in: request).flatMap(backend.access), let session = access.session else {
            return respond(.error(.unauthorized, "session"))
        }
        if admit(access) { body(access, session) }
    }

    /// Calls `body` when the request has a right by which it can be answered, or refuses it.
    ///
    /// - Parameter scope: what a token must permit.
    private func authorize(_ request: HTTPRequest, _ scope: TokenScopes, _ body: @escaping (WebAccess) -> Void) {
        if let token = Credentials.token(request) {
            guard let access = backend.access(toolToken: token) else { return respond(unauthorized(request)) }
            guard access.permits(scope) else { return respond(.error(.forbidden, "scope")) }
            if admit(access) { body(access) }
            return
        }
        guard let header = request.headers.first(name: "authorization") else {
            guard let access = SessionCookie.token(in: request).flatMap(backend.access) else {
                return respond(unauthorized(request))
            }
            if admit(access) { body(access) }
            return
        }
        guard let (user, password) = Credentials.basic(header) else { return respond(unauthorized(request)) }
        connection.waitsForGateway = true
        backend.check(user: user, password: password) { [self] result in
            connection.waitsForGateway = false
            switch result {
            case .accepted(let access): if admit(access) { body(access) }
            case .denied(.credentials, _): respond(unauthorized(request))
            case .denied(let reason, let wait): respond(.error(reason, wait))
            }
        }
    }

    private func admit(_ access: WebAccess) -> Bool {
        guard connection.isResponding else { return false }
        guard backend.admit(access.user) else {
            respond(.error(.tooManyRequests, "busy", retryAfter: 1))
            return false
        }
        connection.isUsers = true
        return true
    }

    /// Asks for user and password, except of a browser's script: the browser would show a window of its own.
    private func unauthorized(_ request: HTTPRequest) -> HTTPResponse {
        let isScript =
            request.headers.contains(name: "sec-fetch-mode") && request.headers["sec-fetch-mode"] != ["navigate"]
        return .error(
            .unauthorized, "credentials",
            headers: isScript ? [] : [("WWW-Authenticate", "Basic realm=\"secam\", charset=\"UTF-8\"")])
    }

    /// Calls `body` with a camera that the request may see, or refuses the request. A camera that it may not see does
    /// not exist for it.
    private func withCamera(
        _ name: String, _ request: HTTPRequest, _ scope: TokenScopes,
        _ body: @escaping (Cameras.Camera, WebAccess) -> Void
    ) {
        authorize(request, scope) { [self] access in
            guard let camera = backend.cameras(of: access).first(where: { $0.name.text == name }) else {
                return respond(.error(.notFound, "noSuchCamera"))
            }
            body(camera, access)
        }
    }

    // MARK: - WebSocket

    private func upgrade(_ request: HTTPRequest) {
        // Every browser sends its origin here. A cookie that comes without one was not sent by our page.
        guard request.origin == .own else { return respond(.error(.forbidden, "origin")) }
        withSession(request) { access, _ in
            let response = WebSocketUpgrade.response(to: request)
            guard response.status == .switchingProtocols else { return self.respond(response) }
            self.connection.upgrade(response) { socket in self.backend.makeViewer(access, socket) }
        }
    }
}

extension HTTPResponse {
    static func error(_ reason: DenialReason, _ wait: UInt32) -> HTTPResponse {
        switch reason {
        case .credentials: .error(.unauthorized, "credentials")
        case .secondFactor: .error(.unauthorized, "code")
        case .enrolment: .error(.forbidden, "enrolment")
        case .locked: .error(.tooManyRequests, "locked", retryAfter: wait)
        case .busy: .error(.tooManyRequests, "busy", retryAfter: wait)
        }
    }
}
