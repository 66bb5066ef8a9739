package import NIOCore

/// Limits on HTTP connections and requests.
package struct WebLimits: Sendable {
    /// Time for the first request of a connection, and between two requests, without a login.
    package var idleTimeout = TimeAmount.seconds(15)
    /// The same for a user's connection.
    package var userIdleTimeout = TimeAmount.seconds(60)
    /// From a request's head to its end.
    package var bodyTimeout = TimeAmount.seconds(10)
    /// Time in which the client must read a response, or one part of a stream.
    package var responseTimeout = TimeAmount.seconds(60)

    /// From the last byte of a response to the end of the connection, whatever the client does.
    package var closeTimeout = TimeAmount.seconds(2)

    package init() {}

    /// Bytes of all headers of a request, its first line included.
    static let headerBytes = 16 << 10
    static let headerCount = 64
    /// Bytes of a request's body.
    static let bodyBytes = 4096
    /// Requests of one connection without a login, so that a flood of them costs handshakes too.
    static let anonymousRequests = 256
}
