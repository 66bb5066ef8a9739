package import NIOCore
import SecamWire

/// Limits on one viewer's connection, and on all connections of one user.
package struct ViewerLimits: Sendable {
    /// From the connection to the end of the TLS handshake.
    package var handshakeTimeout = TimeAmount.seconds(10)
    /// From the handshake to HELLO.
    package var helloTimeout = TimeAmount.seconds(10)
    /// From HELLO, or from the last denial, to LOGIN.
    package var loginTimeout = TimeAmount.seconds(10)
    /// Time without a message after which a viewer counts as gone, whole seconds as HELLO announces it.
    package var idleSeconds: UInt16 = 60
    /// From BYE to the end of the connection, whatever the viewer does.
    package var closeTimeout = TimeAmount.seconds(2)
    package var loginsPerConnection = 3
    /// Concurrent replays of one connection.
    package var replays = 4
    /// Answers that wait behind events.
    package var waitingAnswers = 64
    /// Cameras that one connection watches at once.
    package var watches = 64
    /// 64 cameras at 60 frames a second, with one CREDIT per frame, need 3840.
    package var messagesPerSecond = 5000
    package var messageBurst = 10_000
    /// FOLLOW, SEARCH, PROTECT and REPLAY messages, each of which costs a search.
    package var queriesPerSecond = 20
    package var queryBurst = 40
    /// WATCH and UNWATCH messages on all connections of one user. Replacing a wall of 64 cameras takes 128.
    package var userWatchesPerSecond = 64
    package var userWatchBurst = 1024
    /// Bytes received on all connections of one user.
    package var userBytesPerSecond = 2 << 20
    package var userByteBurst = 8 << 20
    /// Unanswered SEARCH and PROTECT messages on all connections of one user.
    package var userQueries = 4
    /// Concurrent replays on all connections of one user.
    package var userReplays = 16
    /// Maximum age of the frame that a new watcher gets at once.
    package var heldFrameAge = TimeAmount.seconds(2)
    /// How long a camera keeps running after its last watcher, in case a viewer switches back to it.
    package var demandLinger = TimeAmount.seconds(2)

    package init() {}

    /// Bytes that each read counts for at least.
    static let readCost = 64
    /// Bytes of large frames and of search results that wait for all connections of one user. Beyond it, large frames are
    /// skipped, and a connection that asks for further results is closed.
    static let userWaitingBytes = 64 << 20
    /// Frames from this size on are large, bytes. Smaller ones need no count: one of them waits for each connection.
    static let largeFrame = 1 << 20
    /// Bytes of unsent answers above which the gateway reads no more from the viewer.
    static let answerBytes = 64 << 10
    /// Bytes of unsent recorded frames above which the gateway reads no more from the viewer.
    static let replayPauseBytes = 32 << 20
    /// Bytes that the kernel holds unsent before it accepts no more, so that old frames do not pile up there.
    static let unsentBytes = 128 << 10
    /// The wait in DENIED for a user with too many sessions, seconds.
    static let sessionWaitSeconds: UInt32 = 10
    /// Changes of the camera list within this time are sent together.
    static let directoryInterval = TimeAmount.milliseconds(100)
}
