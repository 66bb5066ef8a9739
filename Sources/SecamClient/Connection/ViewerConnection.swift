package import SecamWire

/// One connection to a gateway without I/O: its bytes go in, events and bytes for it come out, time is an argument.
///
/// The gateway is not trusted to be well: everything it sends is held against a limit, an order and what was asked for.
package struct ViewerConnection: Sendable {
    /// Bytes of one message before the login is accepted, envelope included.
    static let limitBeforeWelcome = 64 << 10
    /// Bytes of one message after it.
    static let limit = WireLimits.meshMessage
    /// From the start of the connection, with the TLS handshake, to the list of cameras. Microseconds.
    static let loginTime: Int64 = 10_000_000
    /// Microseconds between two pings; less when the gateway closes silent connections sooner.
    static let pingInterval: Int64 = 5_000_000
    /// Microseconds without a byte after which the connection counts as lost.
    static let silenceTime: Int64 = 15_000_000

    package struct Settings: Sendable {
        package var username: String
        package var password: Secret
        /// From an earlier login of this user at this gateway, or empty.
        package var token: [UInt8] = []
        /// Keeps a new token for later logins; without it the gateway is not asked for one.
        package var keepToken: (@Sendable ([UInt8]) -> Void)?
        package var software = "secam-view"
        package var wanted = WantedCameras.none
        package var rendition = Rendition.jpeg
        /// Frames of a camera that may be under way or untaken.
        package var credit: UInt32 = 8
        /// Least microseconds between two frames of a camera; 0 for all.
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

    /// Which events are to be told; always those of all cameras that the user may see.
    package enum FollowedEvents: Sendable, Equatable {
        case none
        /// Those that the gateway remembers and that were not over at this time, UTC microseconds.
        case past(since: Int64)
        /// The same, and those to come.
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

    package enum Event: Sendable {
        /// - Parameter token: a new device token, if the gateway gave one.
        case welcome(UserRole, token: [UInt8]?)
        /// All cameras that the user may see.
        case cameras([Cameras.Camera])
        case frame(ReceivedFrame)
        case event(CameraEvent, camera: Name)
        /// All events that the gateway remembers have been told.
        case eventsComplete
        /// What was recorded, in answer to a question.
        case found(Found)
        /// A recorded frame.
        case replayed(ReceivedFrame, flow: UInt32)
        case replayEnded(CloseFlow)
        /// The gateway could not do what we asked.
        case refused(ErrorCode, detail: String)
    }

    package enum Step: Sendable {
        case needMore
        case event(Event)
    }

    enum Phase {
        case hello
        case login
        /// Logged in, no list yet.
        case welcomed
        case open
    }

    struct Flow {
        let name: Name
        /// What the gateway may still send.
        var credit: UInt32
        /// Taken frames for which no credit was returned yet.
        var owed: UInt32 = 0
    }

    let settings: Settings
    private let started: Int64
    var phase = Phase.hello
    var decoder = StreamDecoder(limit: Self.limitBeforeWelcome)
    var flows: [UInt32: Flow] = [:]
    /// Of all cameras, by their numbers.
    var names: [UInt32: Name] = [:]
    /// Replays that are under way: their cameras, and the frames that the gateway may still send.
    var replays: [UInt32: (camera: Name, credit: UInt32)] = [:]
    /// Of the ping that stands behind FOLLOW.
    static let eventsToken: UInt64 = 0
    var outgoing: [UInt8]
    /// Whether LOGIN, with the password, is among what is to be sent.
    var outgoingHoldsPassword = false
    private var lastHeard: Int64
    private var lastPing: Int64
    var pingInterval = Self.pingInterval

    /// - Parameter now: microseconds of a clock that is never set back.
    package init(_ settings: Settings, now: Int64) {
        self.settings = settings
        started = now
        lastHeard = now
        lastPing = now
        outgoing = Hello(software: settings.software).encoded()
    }

    /// Whether the list of cameras has come.
    package var isOpen: Bool { phase == .open }

    /// What is to be sent now.
    package mutating func takeOutgoing() -> [UInt8] {
        defer {
            if outgoingHoldsPassword { outgoing = [] } else { outgoing.removeAll(keepingCapacity: true) }
            outgoingHoldsPassword = false
        }
        return outgoing
    }

    package mutating func receive(_ bytes: some Collection<UInt8>, now: Int64) {
        lastHeard = now
        decoder.append(bytes)
    }

    /// Handles what has arrived, up to the next event.
    ///
    /// - Parameter utc: UTC microseconds, the time of reception that a frame gets.
    /// - Throws: why the connection must be closed.
    package mutating func next(utc: Int64) throws(ConnectionEnd) -> Step {
        while true {
            guard let (envelope, bytes) = try nextMessage() else { return .needMore }
            if let event = try handle(envelope, bytes, utc: utc) { return .event(event) }
        }
    }

    /// To be called at least once a second: sends pings, and notices silence.
    package mutating func tick(now: Int64) throws(ConnectionEnd) {
        if phase != .open, now - started >= Self.loginTime {
            throw .stalled(seconds: Int(Self.loginTime / 1_000_000))
        }
        if now - lastHeard >= Self.silenceTime { throw .silence(seconds: Int(Self.silenceTime / 1_000_000)) }
        if phase == .open, now - lastPing >= pingInterval {
            lastPing = now
            outgoing += Ping(token: UInt64(truncatingIfNeeded: now)).encoded()
        }
    }

    /// Returns the credit of frames that were handed on. It is sent in portions of half the window.
    package mutating func taken(camera: UInt32, frames: UInt32) {
        guard var flow = flows[camera] else { return }
        flow.owed += frames
        if flow.owed >= max(1, settings.credit / 2) {
            outgoing += Credit(flow: camera, frames: flow.owed).encoded()
            flow.credit += flow.owed
            flow.owed = 0
        }
        flows[camera] = flow
    }

    // MARK: The past

    package mutating func search(_ search: Search) { outgoing += search.encoded() }

    package mutating func protect(_ protect: Protect) { outgoing += protect.encoded() }

    /// - Parameter replay: its flow is one that is not under way.
    package mutating func replay(_ replay: Replay) {
        replays[replay.flow] = (replay.camera, replay.credit)
        outgoing += replay.encoded()
    }

    /// More frames of a replay are wanted.
    package mutating func credit(replay flow: UInt32, frames: UInt32) {
        guard let held = replays[flow]?.credit else { return }
        replays[flow]!.credit = held + frames
        outgoing += Credit(flow: flow, frames: frames).encoded()
    }

    /// Frames that are still under way are passed over.
    package mutating func end(replay flow: UInt32) {
        guard replays.removeValue(forKey: flow) != nil else { return }
        outgoing += CloseFlow(flow: flow, reason: .done).encoded()
    }

    /// Tells the gateway that we are done.
    package mutating func leave() {
        outgoing += Bye(reason: .done).encoded()
    }
}
