import SecamBase
package import SecamTLS
package import SecamWire

/// Why a connection to the gateway ended.
package enum ConnectionEnd: Error, Sendable, Equatable {
    /// The bytes are not a message of the protocol.
    case malformed(WireError)
    /// The message is not allowed in the connection's present phase.
    case unexpected(MessageType)
    /// The frame exceeds the credit, or has another rendition or format than requested.
    case badFrame(String)
    case denied(DenialReason, wait: UInt32, detail: String)
    case bye(ByeReason, detail: String)
    /// The gateway sent nothing for this long.
    case silence(Duration)
    /// The gateway accepted the connection, but sent no list of cameras within this time.
    case stalled(Duration)
    case tls(TLSError)
    /// The network failed, or the gateway closed the connection without a reason.
    case lost(String)

    /// Whether another attempt can succeed.
    ///
    /// - Parameter hadLogin: whether the gateway accepted a login earlier in this run, so that the password is right.
    package func isTemporary(hadLogin: Bool) -> Bool {
        switch self {
        case .malformed, .unexpected, .badFrame: false
        case .denied(.credentials, _, _), .denied(.secondFactor, _, _), .denied(.enrolment, _, _): false
        case .denied(.locked, _, _): hadLogin
        case .denied(.busy, _, _): true
        case .bye(.revoked, _), .bye(.malformed, _): false
        case .bye: true
        case .tls(.untrusted), .tls(.noApplicationProtocol): false
        case .silence, .stalled, .tls, .lost: true
        }
    }

    /// The shortest time until the next attempt.
    package var shortestWait: Duration {
        if case .denied(_, let wait, _) = self { .seconds(Int64(wait)) } else { .zero }
    }

    var exitStatus: ExitStatus {
        switch self {
        case .malformed, .unexpected, .badFrame, .bye(.malformed, _), .tls(.noApplicationProtocol): .protocol
        case .denied(.busy, _, _): .unavailable
        case .denied, .bye(.revoked, _), .tls(.untrusted): .noPermission
        case .bye, .silence, .stalled, .tls, .lost: .unavailable
        }
    }
}

extension ConnectionEnd: CustomStringConvertible {
    package var description: String {
        switch self {
        case .malformed(let error): "it breaks the protocol: \(error); is it a secam gateway of a compatible version?"
        case .unexpected(let type): "it breaks the protocol: unexpected message '\(type)'"
        case .badFrame(let reason): "it breaks the protocol: \(reason)"
        case .denied(.credentials, _, let detail):
            "login refused\(suffix(detail)); check --username and the password"
        case .denied(.locked, let wait, let detail):
            "login locked after too many wrong passwords\(suffix(detail)); try again in \(wait) s"
        case .denied(.busy, _, let detail): "too busy for a login\(suffix(detail)); try again"
        case .denied(.secondFactor, _, let detail): "login refused\(suffix(detail))"
        case .denied(.enrolment, _, let detail):
            "login refused\(suffix(detail)); sign in on the gateway's web page, or ask its operator to run 'secam user enable-2fa'"
        case .bye(.revoked, let detail):
            "access was revoked\(suffix(detail)); ask the gateway's operator, then log in again"
        case .bye(.malformed, let detail):
            "it reports that secam-view broke the protocol\(suffix(detail)); update the older of the two programs"
        case .bye(.shutdown, _): "it is shutting down; try again later"
        case .bye(.overload, let detail): "it has too many connections\(suffix(detail)); try again later"
        case .bye(let reason, let detail): "it closed the connection (\(reason)\(suffix(detail))); try again"
        case .silence(let time): "nothing received for \(time.components.seconds) s; check the network"
        case .stalled(let time):
            "it accepted the connection but no login within \(time.components.seconds) s; is it a secam gateway?"
        case .tls(.truncated): "connection lost: it was cut off"
        case .tls(let error): "\(TerminalText.masked("\(error)")); is it a secam gateway's port?"
        case .lost(let reason): "connection lost: \(TerminalText.masked(reason))"
        }
    }

    private func suffix(_ detail: String) -> String { detail.isEmpty ? "" : ": \(TerminalText.masked(detail))" }
}
