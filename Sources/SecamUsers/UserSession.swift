import SecamBase
package import SecamWire

/// A remembered login in a browser or viewer, which outlives its connections and restarts of the gateway.
package struct UserSession: Sendable, Hashable {
    /// Names the session to its user. Not a secret.
    package let id: String
    package let user: Name
    /// SHA-256 of the token in hexadecimal. The token itself is stored nowhere.
    let tokenHash: String
    /// The user's revision at the login. A later one ends the session.
    let credentialRevision: Int64
    /// UTC microseconds.
    package let created: Int64
    /// UTC microseconds.
    package internal(set) var lastUsed: Int64
    /// The peer's address at the login.
    package let address: String
    /// The client's own description at the login, such as a browser's User-Agent. Untrusted.
    package let client: String

    /// Time without use after which a session is over.
    package static let idleLimit = Duration.seconds(14 * 86_400)
    /// Time from the login after which a session is over.
    package static let absoluteLimit = Duration.seconds(90 * 86_400)
    /// Maximum sessions of one user. A new one ends the one that was used least recently.
    package static let perUser = 32
    /// Maximum bytes of `client`.
    static let clientBytes = 256
    /// Bytes of a token.
    package static let tokenBytes = 32

    /// Returns whether one of the time limits has passed.
    ///
    /// - Parameter time: UTC microseconds. After the clock was set back, no limit has passed.
    func isOver(at time: Int64) -> Bool {
        time.subtractingReportingOverflow(lastUsed).partialValue > Self.idleLimit.microseconds
            || time.subtractingReportingOverflow(created).partialValue > Self.absoluteLimit.microseconds
    }
}
