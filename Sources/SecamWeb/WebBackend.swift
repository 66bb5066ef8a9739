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

/// The result of a check of user and password without a session.
package enum WebPasswordResult: Sendable {
    case accepted(WebAccess)
    case denied(DenialReason, wait: UInt32)
}

/// An event with the name of its camera.
package struct WebEvent: Sendable {
    package let camera: Name
    package let event: CameraEvent

    package init(camera: Name, event: CameraEvent) {
        self.camera = camera
        self.event = event
    }
}

/// The gateway as one HTTP connection sees it. Used on the connection's event loop only.
package protocol WebBackend: AnyObject {
    /// Whether browsers trust the gateway's certificate.
    var isTrusted: Bool { get }
    /// Whether the client accepts data.
    var isWritable: Bool { get }

    /// Begins a request. If a trusted proxy sends it, determines the client from the header.
    ///
    /// - Parameter forwardedFor: the values of `X-Forwarded-For`.
    func beginRequest(forwardedFor: [String])

    /// Sends header and bytes past the channel pipeline. The bytes are not copied.
    ///
    /// - Returns: a future of the write; `nil` when the socket has accepted everything.
    func send(header: ByteBuffer, _ bytes: ByteBuffer) -> EventLoopFuture<Void>?

    // MARK: Logins

    /// Checks a login and creates a session.
    ///
    /// - Parameters:
    ///   - client: the client's own description.
    ///   - completion: called exactly once, on the event loop.
    func logIn(_ login: Login, client: String, completion: @escaping (WebLoginResult) -> Void)

    /// Checks user and password of one request.
    ///
    /// - Parameter completion: called exactly once, on the event loop.
    func check(user: String, password: String, completion: @escaping (WebPasswordResult) -> Void)

    /// Returns the session of a token and records its use; `nil` when it is over.
    func access(token: [UInt8]) -> WebAccess?

    /// Returns the right of a tool's token and records its use; `nil` when it is over.
    func access(toolToken: String) -> WebAccess?

    /// Records that the connection belongs to a user, and counts a request.
    ///
    /// - Returns: false when the user has too many connections or requests.
    func admit(_ user: User) -> Bool

    /// Changes an account, if the login is valid for it.
    ///
    /// - Parameter completion: called exactly once, on the event loop.
    func change(_ change: AccountChange, _ login: Login, completion: @escaping (AccountChangeResult) -> Void)

    func secondFactor(of user: Name) -> SecondFactorStatus

    func tokens(of user: Name) -> [AccessToken]

    /// Removes a token of a user, and ends its streams.
    ///
    /// - Parameter completion: called exactly once, on the event loop, with whether the user had this token.
    func removeToken(_ id: String, of user: Name, completion: @escaping (Bool) -> Void)

    func sessions(of user: Name) -> [UserSession]

    /// Ends a session of a user, with its open connections.
    ///
    /// - Returns: whether the user had this session.
    func endSession(_ id: String, of user: Name, reason: String) -> Bool

    // MARK: Cameras

    /// Returns the cameras that the user may see.
    func cameras(of access: WebAccess) -> [Cameras.Camera]

    /// Watches a camera until `stop`, or until the right to see it is lost. A connection watches or follows one thing.
    ///
    /// - Parameters:
    ///   - onPicture: called for each picture, newest last.
    ///   - onRefusal: called when the watch ends because the camera does not provide the rendition.
    ///   - onEnd: called when the right is lost.
    /// - Returns: false when the user has watched too often.
    func watch(
        _ camera: UInt32, _ rendition: Rendition, _ access: WebAccess, onPicture: @escaping (LivePicture) -> Void,
        onRefusal: @escaping () -> Void, onEnd: @escaping () -> Void
    ) -> Bool

    /// Follows events until `stop`, or until the access is over.
    ///
    /// - Parameters:
    ///   - cameras: empty for all that the user may see.
    ///   - onEvent: called when `nextEvent` may have more.
    func follow(
        since: Int64, cameras: Set<UInt32>, _ access: WebAccess, onEvent: @escaping () -> Void,
        onEnd: @escaping () -> Void
    )

    /// Removes and returns the event that has waited longest, of those that the user may see.
    func nextEvent() -> WebEvent?

    /// Returns the events in the gateway's memory that were not over before a time.
    func events(since: Int64, _ access: WebAccess) -> [WebEvent]

    /// Ends `watch` and `follow`.
    func stop()

    // MARK: Archives

    /// Searches the archives.
    ///
    /// - Parameter completion: called at most once with all parts of the answer; `nil` when the user has too many
    ///   queries.
    func search(_ search: Search, _ access: WebAccess, completion: @escaping ([Found]?) -> Void)

    /// Reads one recorded picture.
    ///
    /// - Parameter completion: called at most once; `nil` when there is none.
    func recordedPicture(_ replay: Replay, _ access: WebAccess, completion: @escaping (LivePicture?) -> Void)

    // MARK: Life

    /// Makes the WebSocket handler for `makeViewer`.
    func makeWebSocket() -> WebSocketHandler

    /// Makes the handler of a viewer who is logged in, behind a WebSocket. The handler takes over the connection.
    func makeViewer(_ access: WebAccess, _ socket: WebSocketHandler) -> any ChannelHandler

    /// The connection is closed. Not called after `makeViewer`.
    func connectionClosed()
}
