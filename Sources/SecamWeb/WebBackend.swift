package import NIOCore
package import SecamUsers
package import SecamWire

/// The result of a login over HTTP.
package enum WebLoginResult: Sendable {
    /// - Parameter device: a new device token, if the client had no valid one.
    case accepted(token: [UInt8], device: [UInt8]?)
    case denied(DenialReason, wait: UInt32)
    /// The session could not be stored.
    case failed
}

/// The gateway as one HTTP connection sees it. Used on the connection's event loop only.
package protocol WebBackend: AnyObject {
    /// Whether browsers trust the gateway's certificate.
    var isTrusted: Bool { get }

    /// Checks a login and creates a session.
    ///
    /// - Parameters:
    ///   - client: the client's own description.
    ///   - completion: called exactly once, on the event loop.
    func logIn(_ login: Login, client: String, completion: @escaping (WebLoginResult) -> Void)

    /// Returns the session of a token and records its use; `nil` when it is over.
    func access(token: [UInt8]) -> SessionStore.Access?

    /// Records that the connection belongs to a user, and counts a request.
    ///
    /// - Returns: false when the user has too many connections or requests.
    func admit(_ user: User) -> Bool

    func sessions(of user: Name) -> [UserSession]

    /// Ends a session of a user, with its open connections.
    ///
    /// - Returns: whether the user had this session.
    func endSession(_ id: String, of user: Name, reason: String) -> Bool

    /// Makes the handler of a viewer who is logged in, behind a WebSocket. The handler takes over the connection.
    func makeViewer(_ access: SessionStore.Access, _ socket: WebSocketHandler) -> any ChannelHandler

    /// The WebSocket handler for `makeViewer`.
    func makeWebSocket() -> WebSocketHandler

    /// The connection is closed. Not called after `makeViewer`.
    func connectionClosed()
}
