import NIOHTTP1
import SecamBase
import SecamUsers
import SecamWire

/// The user's own tokens and second factor.
extension RequestHandler {
    // MARK: - Tokens

    func answerTokens(_ request: HTTPRequest) {
        guard request.method == .POST else {
            return withSession(request) { access, _ in
                respond(.json(.ok, JSONText.array(backend.tokens(of: access.user.name).map(\.json))))
            }
        }
        guard let form = AccountForm(request), let change = form.newToken(at: WallClock.now) else {
            return respond(.error(.badRequest, "badRequest"))
        }
        requestChange(change, form.credentials.loginWithCode)
    }

    func removeToken(_ id: String, _ request: HTTPRequest) {
        withSession(request) { access, _ in
            connection.waitsForGateway = true
            backend.removeToken(id, of: access.user.name) { [self] isRemoved in
                connection.waitsForGateway = false
                respond(isRemoved ? .noContent : .error(.notFound, "notFound"))
            }
        }
    }

    // MARK: - Second factor

    /// Needs no session: a user who must have a second factor and has none gets no session.
    func changeSecondFactor(_ request: HTTPRequest) {
        guard let form = AccountForm(request) else { return respond(.error(.badRequest, "badRequest")) }
        let credentials = form.credentials
        switch request.method {
        case .POST: requestChange(.makeSecondFactor, credentials.loginWithCode)
        case .DELETE: requestChange(.removeSecondFactor, credentials.loginWithCode)
        default:
            guard let factor = form.secondFactor, let code = credentials.code else {
                return respond(.error(.badRequest, "badRequest"))
            }
            // The code is one of the new second factor; a user who has another one removes it first.
            requestChange(
                .setSecondFactor(factor, code: code),
                Login(username: credentials.user, password: Secret(credentials.password)))
        }
    }

    private func requestChange(_ change: AccountChange, _ login: Login) {
        connection.waitsForGateway = true
        backend.change(change, login) { [self] result in
            connection.waitsForGateway = false
            respond(HTTPResponse(result))
        }
    }
}

/// The body of a request that changes an account: a user's credentials, and what the change needs.
struct AccountForm {
    let credentials: Credentials
    private let fields: [String: JSONFields.Value]
    private static let lifetimeLength = 5

    /// - Returns: `nil` for another form than the documented one.
    init?(_ request: HTTPRequest) {
        guard let fields = request.jsonFields, let credentials = Credentials(fields) else { return nil }
        self.credentials = credentials
        self.fields = fields
    }

    var secondFactor: SecondFactor? {
        guard case .text(let text)? = fields["secret"], let secret = Hexadecimal.decode(text),
            secret.count == SecondFactor.secretLength
        else { return nil }
        return SecondFactor(secret: secret)
    }

    /// - Parameter time: now, UTC microseconds.
    func newToken(at time: Int64) -> AccountChange? {
        guard case .text(let label)? = fields["label"], label.unicodeScalars.count <= AccessToken.labelLength,
            case .texts(let words)? = fields["scopes"], let scopes = Self.scopes(words), let cameras,
            let expires = expiry(at: time)
        else { return nil }
        return .addToken(label: label, scopes: scopes, cameras: cameras, expires: expires)
    }

    private static func scopes(_ words: [String]) -> TokenScopes? {
        let scopes = words.compactMap(TokenScopes.init(name:))
        return scopes.isEmpty || scopes.count < words.count ? nil : scopes.reduce([]) { $0.union($1) }
    }

    private var cameras: CameraRights? {
        switch fields["cameras"] {
        case .text("all")?: return .all
        case .texts(let texts)?:
            let names = texts.compactMap { try? Name($0) }
            return names.isEmpty || names.count < texts.count ? nil : .only(Set(names))
        default: return nil
        }
    }

    /// The outer optional is `nil` for an invalid value, the inner one for never.
    private func expiry(at time: Int64) -> Int64?? {
        switch fields["lifetime"] {
        case .null?: return .some(nil)
        case .text(let text)?:
            guard text.utf8.count <= Self.lifetimeLength, let lifetime = AccessToken.lifetime(text) else { return nil }
            return time + lifetime.microseconds
        default: return nil
        }
    }
}

extension HTTPResponse {
    fileprivate init(_ result: AccountChangeResult) {
        switch result {
        case .tokenAdded(let id, let text):
            self = .json(.created, JSONText.object(["id": JSONText.string(id), "token": JSONText.string(text)]))
        case .secondFactorMade(let factor, let user):
            let address = factor.address(of: user)
            self = .json(
                .ok,
                JSONText.object([
                    "secret": JSONText.string(Hexadecimal.encode(factor.secret)),
                    "typedSecret": JSONText.string(factor.typedSecret), "address": JSONText.string(address),
                    "picture": JSONText.array((QRCode(address)?.rows ?? []).map(JSONText.string)),
                ]))
        case .secondFactorSet(let codes):
            self = .json(.ok, JSONText.object(["recoveryCodes": JSONText.array(codes.map(JSONText.string))]))
        case .secondFactorRemoved: self = .noContent
        case .denied(let reason, let wait): self = .error(reason, wait)
        case .wrongCode: self = .error(.unauthorized, "code")
        case .tooManyTokens: self = .error(.conflict, "tooMany")
        case .secondFactorRequired: self = .error(.forbidden, "enrolment")
        case .failed: self = .error(.serviceUnavailable, "busy", retryAfter: 1)
        }
    }
}
