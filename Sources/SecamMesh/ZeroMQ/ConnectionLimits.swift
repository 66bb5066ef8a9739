/// What one listening socket spends on its peers (proto-spec/limits.md).
package struct ConnectionLimits: Sendable {
    /// Connections in all; fewer where the process may not have twice as many descriptors.
    package var connections = 4096
    /// Connections of one key that have sent a message.
    package var connectionsPerKey = 1024
    /// Connections from one address that have not sent a message yet. The oldest makes room for the next: services are
    /// through the handshake in milliseconds, and those that stay silent connect again when they are needed.
    package var silentConnectionsPerAddress = 256
    /// Connections accepted from one address within a second.
    package var acceptsPerSecondPerAddress = 512

    /// Bytes from a peer that has not been authenticated. A handshake takes about 700.
    package var handshakeBytes = 8192
    /// Microseconds for a handshake, one more second than libzmq allows it.
    package var handshakeMicroseconds: Int64 = 4_000_000
    /// Milliseconds without a message or an answer to ZMTP's heartbeat after which a link counts as dead.
    package var silenceMilliseconds: Int32 = 3000
    /// Bytes that have arrived over one connection and are not part of a delivered message.
    package var undeliveredBytes = 1 << 20
    /// The same for the holder of a key that sends large messages.
    package var undeliveredBytesOfLargeSender = 1 << 20
    /// The same for all connections of a socket.
    package var undeliveredBytesInAll = 64 << 20

    /// Bytes that wait for one peer. What is more than the last message is not added to them.
    package var unacknowledgedBytes = 4 << 20
    /// The same for all peers of a socket.
    package var unacknowledgedBytesInAll = 64 << 20

    /// The registry's: small messages, many connections of the key that all workers share.
    package static let registry = ConnectionLimits()

    /// A camera's or an archive's: frames go out, and workers' results come in.
    package static let member: ConnectionLimits = {
        var limits = ConnectionLimits()
        limits.connections = 2048
        limits.connectionsPerKey = 256
        limits.undeliveredBytesOfLargeSender = (64 << 20) + (1 << 20)
        limits.undeliveredBytesInAll = 128 << 20
        limits.unacknowledgedBytes = 64 << 20
        limits.unacknowledgedBytesInAll = 192 << 20
        return limits
    }()

    package init() {}
}
