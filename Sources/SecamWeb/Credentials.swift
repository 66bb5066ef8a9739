import NIOCore
import NIOHTTP1
import SecamBase
import SecamCrypto
import SecamUsers
import SecamWire

/// The body of a login request.
struct Credentials {
    let user: String
    let password: String
    /// The code of the second factor.
    let code: String?

    /// - Returns: `nil` for another form than the documented one.
    init?(_ fields: [String: JSONFields.Value]) {
        guard case .text(let user)? = fields["user"], case .text(let password)? = fields["password"], !user.isEmpty
        else { return nil }
        switch fields["code"] {
        case nil, .null: code = nil
        case .text(let text) where text.utf8.count <= WireLimits.code: code = text
        default: return nil
        }
        // No user has a longer or an empty name or password, so this login fails like that of an unknown user.
        self.user = user.utf8.count <= WireLimits.name ? user : ""
        self.password = password.utf8.count <= WireLimits.password ? password : ""
    }

    /// Returns a tool's token, from an `Authorization` header with the scheme Bearer (RFC 6750) or from the parameter
    /// `token`, for clients that know only an address.
    static func token(_ request: HTTPRequest) -> String? {
        guard let header = request.headers.first(name: "authorization") else { return request.query["token"] }
        let words = header.split(separator: " ", maxSplits: 1)
        return words.count == 2 && words[0].lowercased() == "bearer" ? String(words[1]) : nil
    }

    /// Returns user and password of an `Authorization` header with the scheme Basic (RFC 7617).
    static func basic(_ header: String) -> (user: String, password: String)? {
        let words = header.split(separator: " ", maxSplits: 1)
        guard words.count == 2, words[0].lowercased() == "basic",
            let text = Base64.decode(padded: String(words[1])).flatMap({ String(validating: $0, as: UTF8.self) }),
            let colon = text.firstIndex(of: ":")
        else { return nil }
        let user = String(text[..<colon])
        let password = String(text[text.index(after: colon)...])
        guard (1...WireLimits.name).contains(user.utf8.count), password.utf8.count <= WireLimits.password else {
            return nil
        }
        return (user, password)
    }

    /// A login that remembers the browser.
    func login(device: [UInt8]?) -> Login {
        Login(username: user, password: password, remember: true, token: device ?? [], code: code ?? "")
    }

    /// A login without a device token, which would stand for the code.
    var loginWithCode: Login { Login(username: user, password: password, code: code ?? "") }
}

/// The list of a user's sessions, as JSON.
enum SessionList {
    static func text(_ sessions: [UserSession], current: UserSession) -> String {
        JSONText.array(
            sessions.map { session in
                JSONText.object([
                    "id": JSONText.string(session.id),
                    "created": JSONText.string(UTCText.iso(microseconds: session.created)),
                    "lastUsed": JSONText.string(UTCText.iso(microseconds: session.lastUsed)),
                    "address": JSONText.string(session.address), "client": JSONText.string(session.client),
                    "isCurrent": "\(session.id == current.id)",
                ])
            })
    }
}
