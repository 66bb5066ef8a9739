/// What one listening socket spends on its peers (proto-spec/limits.md).
public struct ConnectionLimits: Sendable {
    /// Connections in all; fewer where the process may not have twice as many descriptors.
    public var connections = 4096
    /// Connections of one key that have sent a message.
    public var connectionsPerKey = 1024
    /// Connections from one address that have not sent a message yet. The oldest makes room for the next: services are
    /// through the handshake in milliseconds, and those that stay silent connect again when they are needed.
    public var silentConnectionsPerAddress = 256
    /// Connections accepted from one address within a second.
    public var acceptsPerSecondPerAddress = 512

    /// Bytes from a peer that has not been authenticated. A handshake takes about 700.
    public var handshakeBytes = 8192
    /// Microseconds for a handshake, one more second than libzmq allows it.
    public var handshakeMicroseconds: Int64 = 4_000_000
    /// Milliseconds without a message or an answer to ZMTP's heartbeat after which a link counts as dead.
    public var silenceMilliseconds: Int32 = 3000
    /// Bytes that have arrived over one connection and are not part of a delivered message.
    public var undeliveredBytes = 1 << 20
    /// The same for the holder of a key that sends large messages.
    public var undeliveredBytesOfLargeSender = 1 << 20
    /// The same for all connections of a socket.
    public var undeliveredBytesInAll = 64 << 20

    /// Bytes that wait for one peer. What is more than the last message is not added to them.
    public var unacknowledgedBytes = 4 << 20
    /// The same for all peers of a socket.
    public var unacknowledgedBytesInAll = 64 << 20

    /// The registry's: small messages, many connections of the key that all workers share.
    public static let registry = ConnectionLimits()

    /// A camera's or an archive's: frames go out, and workers' results come in.
    public static let member: ConnectionLimits = {
        var limits = ConnectionLimits()
        limits.connections = 2048
        limits.connectionsPerKey = 256
        limits.undeliveredBytesOfLargeSender = (64 << 20) + (1 << 20)
        limits.undeliveredBytesInAll = 128 << 20
        limits.unacknowledgedBytes = 64 << 20
        limits.unacknowledgedBytesInAll = 192 << 20
        return limits
    }()

    public init() {}
}
