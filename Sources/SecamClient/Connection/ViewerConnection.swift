package import SecamBase
package import SecamWire

/// The state machine of one connection to a gateway. It takes the gateway's bytes, and returns events and the bytes to
/// send. It does no I/O; time is an argument.
///
/// The gateway is not trusted: each message is checked against its size limit, the protocol's order and the requests.
package struct ViewerConnection: Sendable {
    /// Bytes of one message before the login is accepted, envelope included.
    static let limitBeforeWelcome = 64 << 10
    /// Difference between two clocks that counts as none, microseconds.
    static let clockTolerance: Int64 = 500_000
    /// Bytes of one message after the login.
    static let limit = WireLimits.meshMessage
    /// From the start of the connection, with the TLS handshake, to the list of cameras.
    static let loginTimeout: Duration = .seconds(10)
    /// Shorter when the gateway closes idle connections sooner.
    static let pingInterval: Duration = .seconds(5)
    /// A connection without a byte for this long counts as lost.
    static let silenceTimeout: Duration = .seconds(15)

    package struct Settings: Sendable {
        package var username: String
        package var password: Secret
        /// The token of an earlier login of this user at this gateway, which takes the place of an empty password; empty
        /// without one.
        package var token: [UInt8] = []
        /// The code of the second factor; empty for none.
        package var code = Secret("")
        /// Stores a new token for later logins. The client asks for a token only when this is set.
        package var keepToken: (@Sendable ([UInt8]) -> Void)?
        /// Whether the end of the connection ends the session of the token too.
        package var endsSession = false
        package var software = "secam-view (\(softwareVersion))"
        package var wanted = WantedCameras.none
        package var rendition = Rendition.jpeg
        /// Frames of each camera that may be in flight or unhandled.
        package var credit: UInt32 = 8
        /// Shortest time between two frames of a camera, microseconds; 0 for every frame.
        package var interval: UInt32 = 0
        package var events = FollowedEvents.none

        package init(username: String, password: Secret) {
            self.username = username
            self.password = password
        }

        package init(username: String, password: String) {
            self.init(username: username, password: Secret(password))
        }
    }

    /// The events to receive, of all cameras that the user may see.
    package enum FollowedEvents: Sendable, Equatable {
        case none
        /// Events in the gateway's memory that ended after this time (UTC microseconds) or have not ended.
        case past(since: Int64)
        /// The same, and new events.
        case live(since: Int64)
    }

    package enum WantedCameras: Sendable, Equatable {
        case none
        case all
        case named([Name])

        func contains(_ name: Name) -> Bool {
            switch self {
            case .none: false
            case .all: true
            case .named(let names): names.contains(name)
            }
        }
    }

    package enum Step: Sendable {
        case needMore
        /// The gateway accepted the login.
        ///
        /// - Parameter token: a new device token, if the gateway gave one.
        case welcome(UserRole, token: [UInt8]?)
        case event(GatewayEvent)
    }

    enum Phase {
        case hello
        case login
        /// Logged in, without the list of cameras.
        case welcomed
        case open
    }

    struct Flow {
        let name: Name
        /// Frames that the gateway may still send.
        var credit: UInt32
        /// Handled frames for which no credit was returned yet.
        var owed: UInt32 = 0
    }

    let settings: Settings
    private let started: MonotonicTime
    var phase = Phase.hello
    /// How far this machine's clock is ahead of the gateway's, microseconds.
    var clockDifference: Int64 = 0
    var decoder = StreamDecoder(limit: Self.limitBeforeWelcome)
    var flows: [UInt32: Flow] = [:]
    /// Names of all cameras by number.
    var names: [UInt32: Name] = [:]
    /// Open replays by flow: the camera, and the frames that the gateway may still send.
    var replays: [UInt32: (camera: Name, credit: UInt32)] = [:]
    /// Token of the ping after FOLLOW: its pong marks the end of the remembered events.
    static let eventsToken: UInt64 = 0
    var outgoing: [UInt8]
    /// Whether `outgoing` contains LOGIN, with the password.
    var outgoingHoldsPassword = false
    private var lastReceived: MonotonicTime
    private var lastPing: MonotonicTime
    var pingInterval = Self.pingInterval

    package init(_ settings: Settings, now: MonotonicTime) {
        self.settings = settings
        started = now
        lastReceived = now
        lastPing = now
        outgoing = Hello(software: settings.software).encoded()
    }

    /// Returns the bytes to send, and forgets them.
    package mutating func takeOutgoing() -> [UInt8] {
        defer {
            if outgoingHoldsPassword { outgoing = [] } else { outgoing.removeAll(keepingCapacity: true) }
            outgoingHoldsPassword = false
        }
        return outgoing
    }

    package mutating func receive(_ bytes: some Collection<UInt8>, now: MonotonicTime) {
        lastReceived = now
        decoder.append(bytes)
    }

    /// Handles received messages up to the next event.
    ///
    /// - Parameter utc: UTC microseconds, which a frame gets as its time of reception.
    /// - Throws: the reason to close the connection.
    package mutating func next(utc: Int64) throws(ConnectionEnd) -> Step {
        while true {
            guard let (envelope, bytes) = try nextMessage() else { return .needMore }
            if let step = try handle(envelope, bytes, utc: utc) { return step }
        }
    }

    /// Sends pings, and checks the timeouts. The caller calls it at least once a second.
    package mutating func tick(now: MonotonicTime) throws(ConnectionEnd) {
        if phase != .open, now - started >= Self.loginTimeout { throw .stalled(Self.loginTimeout) }
        if now - lastReceived >= Self.silenceTimeout { throw .silence(Self.silenceTimeout) }
        if phase == .open, now - lastPing >= pingInterval {
            lastPing = now
            outgoing += Ping(token: UInt64(truncatingIfNeeded: now.microseconds)).encoded()
        }
    }

    /// Returns the credit of handled frames to the gateway, in portions of half the window.
    package mutating func returnCredit(camera: UInt32, frames: UInt32) {
        guard var flow = flows[camera] else { return }
        flow.owed += frames
        if flow.owed >= max(1, settings.credit / 2) {
            outgoing += Credit(flow: camera, frames: flow.owed).encoded()
            flow.credit += flow.owed
            flow.owed = 0
        }
        flows[camera] = flow
    }

    // MARK: Recordings

    package mutating func search(_ search: Search) { outgoing += search.encoded() }

    package mutating func protect(_ protect: Protect) { outgoing += protect.encoded() }

    /// - Parameter replay: its flow is not open yet.
    package mutating func replay(_ replay: Replay) {
        replays[replay.flow] = (replay.camera, replay.credit)
        outgoing += replay.encoded()
    }

    /// Lets the gateway send more frames of a replay.
    package mutating func grantCredit(replay flow: UInt32, frames: UInt32) {
        guard let held = replays[flow]?.credit else { return }
        replays[flow]!.credit = held + frames
        outgoing += Credit(flow: flow, frames: frames).encoded()
    }

    /// Ends a replay. The connection discards its frames that are still in flight.
    package mutating func end(replay flow: UInt32) {
        guard replays.removeValue(forKey: flow) != nil else { return }
        outgoing += CloseFlow(flow: flow, reason: .done).encoded()
    }

    /// Says goodbye to the gateway.
    package mutating func leave() {
        outgoing += Bye(reason: settings.endsSession ? .revoked : .done).encoded()
    }
}
