import NIOHTTP1

/// The resources of the server.
enum Route: Equatable {
    /// `/api/v1/health`.
    case health
    /// `/api/v1/session`: the client's own login.
    case session
    /// `/api/v1/sessions`: all sessions of the user.
    case sessions
    /// `/api/v1/sessions/ID`.
    case sessionEntry(id: String)
    /// `/api/v1/tokens`: the user's tokens for tools.
    case tokens
    /// `/api/v1/tokens/ID`.
    case tokenEntry(id: String)
    /// `/api/v1/second-factor`.
    case secondFactor
    /// `/api/v1/cameras`.
    case cameras
    /// `/api/v1/cameras/NAME`.
    case camera(String)
    /// `/api/v1/cameras/NAME/snapshot.jpg`.
    case snapshot(String)
    /// `/api/v1/cameras/NAME/stream.mjpeg`.
    case stream(String)
    /// `/api/v1/cameras/NAME/thumbnail.jpg`.
    case thumbnail(String)
    /// `/api/v1/events`.
    case events
    /// `/api/v1/recordings`.
    case recordings
    /// `/ws`.
    case webSocket
    /// A file of the page.
    case page
    case unknown

    init(_ path: [String]) {
        self =
            switch path.first {
            case "ws": path.count == 1 ? .webSocket : .unknown
            case "api":
                path.count > 2 && path[1] == "v1" ? Self.interface(path[2], Array(path.dropFirst(3))) : .unknown
            default: WebPage.file(path) == nil ? .unknown : .page
            }
    }

    private static func interface(_ name: String, _ rest: [String]) -> Route {
        switch (name, rest.count) {
        case ("health", 0): .health
        case ("session", 0): .session
        case ("sessions", 0): .sessions
        case ("sessions", 1): .sessionEntry(id: rest[0])
        case ("tokens", 0): .tokens
        case ("tokens", 1): .tokenEntry(id: rest[0])
        case ("second-factor", 0): .secondFactor
        case ("cameras", 0): .cameras
        case ("cameras", 1): .camera(rest[0])
        case ("cameras", 2):
            switch rest[1] {
            case "snapshot.jpg": .snapshot(rest[0])
            case "stream.mjpeg": .stream(rest[0])
            case "thumbnail.jpg": .thumbnail(rest[0])
            default: .unknown
            }
        case ("events", 0): .events
        case ("recordings", 0): .recordings
        default: .unknown
        }
    }

    var methods: [HTTPMethod] {
        switch self {
        case .session: [.GET, .HEAD, .POST, .DELETE]
        case .sessionEntry, .tokenEntry: [.DELETE]
        case .tokens: [.GET, .HEAD, .POST]
        case .secondFactor: [.POST, .PUT, .DELETE]
        case .webSocket, .snapshot, .stream, .thumbnail, .events, .recordings: [.GET]
        case .health, .sessions, .cameras, .camera, .page, .unknown: [.GET, .HEAD]
        }
    }
}
