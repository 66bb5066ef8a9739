import NIOHTTP1

/// The resources of the server.
enum Route: Equatable {
    /// `/api/v1/session`: the client's own login.
    case session
    /// `/api/v1/sessions`: all sessions of the user.
    case sessions
    /// `/api/v1/sessions/ID`.
    case sessionEntry(id: String)
    /// `/ws`.
    case webSocket
    /// A file of the page.
    case page
    case unknown

    init(_ path: [String]) {
        self =
            switch path {
            case ["ws"]: .webSocket
            case let path where path.first == "api":
                path.count > 2 && path[1] == "v1" ? Self.interface(Array(path.dropFirst(2))) : .unknown
            default: WebPage.file(path) == nil ? .unknown : .page
            }
    }

    private static func interface(_ path: [String]) -> Route {
        switch path {
        case ["session"]: .session
        case ["sessions"]: .sessions
        case let path where path.count == 2 && path[0] == "sessions": .sessionEntry(id: path[1])
        default: .unknown
        }
    }

    var methods: [HTTPMethod] {
        switch self {
        case .session: [.GET, .HEAD, .POST, .DELETE]
        case .sessionEntry: [.DELETE]
        case .webSocket: [.GET]
        case .sessions, .page, .unknown: [.GET, .HEAD]
        }
    }
}
