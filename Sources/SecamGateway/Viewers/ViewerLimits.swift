package import NIOCore
import SecamWire

/// How long and how much a viewer may keep the gateway busy.
package struct ViewerLimits: Sendable {
    /// From the connection to the end of the TLS handshake.
    package var handshakeTimeout = TimeAmount.seconds(10)
    /// From the handshake to HELLO.
    package var helloTimeout = TimeAmount.seconds(10)
    /// From HELLO, or from the last denial, to LOGIN.
    package var loginTimeout = TimeAmount.seconds(10)
    /// Whole seconds without any message after which a viewer is taken for gone; told to it in HELLO.
    package var idleSeconds: UInt16 = 60
    /// From BYE to the end of the connection, whatever the viewer does.
    package var closeTimeout = TimeAmount.seconds(2)
    package var loginsPerConnection = 3
    /// Recordings that one viewer may have played to it at once.
    package var replays = 4
    /// Pings that wait for their answer behind events.
    package var pongs = 64
    /// Cameras that one viewer may watch at once.
    package var watches = 64
    /// One CREDIT for each frame of 64 cameras at 60 a second would be 3840.
    package var messagesPerSecond = 5000
    /// Messages that may come at once after a silence.
    package var messageBurst = 10_000
    /// FOLLOW, SEARCH, PROTECT and REPLAY, each of which costs a search.
    package var questionsPerSecond = 20
    package var questionBurst = 40
    /// Of all connections of one user. A wall of 64 cameras that is changed as a whole sends 128.
    package var userWatchesPerSecond = 64
    package var userWatchBurst = 1024
    /// Bytes from all connections of one user.
    package var userBytesPerSecond = 2 << 20
    package var userByteBurst = 8 << 20
    /// SEARCH and PROTECT of one user that have no complete answer yet.
    package var userQuestions = 4
    /// Replays of one user over all connections.
    package var userReplays = 16
    /// How old a frame may be to be shown to a viewer that begins to watch.
    package var heldFrameAge = TimeAmount.seconds(2)
    /// How long a camera is kept running after its last watcher, as when somebody switches between cameras.
    package var demandLinger = TimeAmount.seconds(2)

    package init() {}

    /// Bytes that a read counts for at least.
    static let readCost = 64
    /// Bytes of answers that may wait for a viewer before its next messages are read.
    static let answerBytes = 64 << 10
    /// Bytes of recorded frames that may wait for a viewer before its next messages are read.
    static let replayBytes = 32 << 20
    /// Bytes that the kernel may hold unsent before it takes no more, so that no old frames pile up there.
    static let unsentBytes = 128 << 10
    /// Seconds after which a user who has too many sessions should try again.
    static let sessionWait: UInt32 = 10
    /// Changes of cameras within this time are told together.
    static let directoryInterval = TimeAmount.milliseconds(100)
}

/// Counts events against a rate, allowing bursts.
struct TokenBucket: Sendable {
    let perSecond: Int
    private let burst: Int
    private var tokens: Double
    private var filled: NIODeadline

    init(perSecond: Int, burst: Int, at now: NIODeadline) {
        precondition(perSecond > 0 && burst > 0, "TokenBucket: rate out of range")
        self.perSecond = perSecond
        self.burst = burst
        tokens = Double(burst)
        filled = now
    }

    /// - Returns: false when the rate is exceeded.
    mutating func take(_ count: Int = 1, at now: NIODeadline) -> Bool {
        if now > filled {
            let seconds = Double((now - filled).nanoseconds) / 1e9
            tokens = min(Double(burst), tokens + seconds * Double(perSecond))
            filled = now
        }
        guard tokens >= Double(count) else { return false }
        tokens -= Double(count)
        return true
    }
}
