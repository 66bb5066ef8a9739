/// Resource limits of one listening socket (proto-spec/limits.md).
package struct ConnectionLimits: Sendable {
    /// Connections in total. At most half of the process's file descriptors are used.
    package var connections = 4096
    /// Connections of one key that have sent a message.
    package var connectionsPerKey = 1024
    /// Connections from one address that have not sent a message yet. Beyond the limit, the oldest one is closed:
    /// services complete the handshake within milliseconds, and a silent service reconnects when it needs to.
    package var silentConnectionsPerAddress = 256
    /// Connections accepted from one address within a second.
    package var acceptsPerSecondPerAddress = 512

    /// Bytes from a peer before it is authenticated. A handshake takes about 700.
    package var handshakeBytes = 8192
    /// Time for a handshake, one second longer than libzmq allows.
    package var handshakeTimeout = Duration.seconds(4)
    /// Time without a message or a ZMTP heartbeat after which a link counts as dead.
    package var heartbeatTimeout = Duration.seconds(3)
    /// Bytes that have arrived over one connection and are not part of a delivered message.
    package var undeliveredBytes = 1 << 20
    /// `undeliveredBytes` of all connections of a socket together.
    package var totalUndeliveredBytes = 64 << 20

    /// Bytes that wait for one peer. The last message may exceed the limit.
    package var unacknowledgedBytes = 4 << 20
    /// `unacknowledgedBytes` of all peers of a socket together.
    package var totalUnacknowledgedBytes = 64 << 20

    /// Limits of the registry: small messages, many connections with the key that all workers share.
    package static let registry = ConnectionLimits()

    /// Limits of a camera or an archive: frames go out, and workers' results come in.
    package static let member: ConnectionLimits = {
        var limits = ConnectionLimits()
        limits.connections = 2048
        limits.connectionsPerKey = 256
        limits.totalUndeliveredBytes = 128 << 20
        limits.unacknowledgedBytes = 64 << 20
        limits.totalUnacknowledgedBytes = 192 << 20
        return limits
    }()

    package init() {}
}
