import NIOCore
import NIOHTTP1
import SecamBase
import SecamUsers
import SecamWire

typealias SessionAccess = SessionStore.Access

/// The body of a login request.
struct Credentials {
    let user: String
    let password: String
    /// The code of the second factor.
    let code: String?

    /// - Returns: `nil` for another form than the documented one.
    init?(_ request: HTTPRequest) {
        // A form of another site cannot send this type.
        guard let type = request.headers.first(name: "content-type"),
            type.split(separator: ";").first?.lowercased() == "application/json",
            let fields = JSONFields.parse(Array(request.body.readableBytesView)),
            case .text(let user)? = fields["user"], case .text(let password)? = fields["password"],
            (1...WireLimits.name).contains(user.utf8.count),
            password.utf8.count <= WireLimits.password
        else { return nil }
        switch fields["code"] {
        case nil, .null: code = nil
        case .text(let text): code = text
        default: return nil
        }
        self.user = user
        self.password = password
    }

    func login(device: [UInt8]?) -> Login {
        Login(username: user, password: password, remember: true, token: device ?? [])
    }
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
