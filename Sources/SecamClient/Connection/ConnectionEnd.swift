import SecamBase
package import SecamTLS
package import SecamWire

/// Why a connection to the gateway ended.
package enum ConnectionEnd: Error, Sendable, Equatable {
    /// Bytes that are no message, or a message that has no place here.
    case malformed(WireError)
    case unexpected(MessageType)
    /// A frame that was not asked for, or in another form than asked for.
    case badFrame(String)
    case denied(DenialReason, wait: UInt32, detail: String)
    case bye(ByeReason, detail: String)
    /// Nothing was heard for that long, in seconds.
    case silence(seconds: Int)
    /// The gateway accepted the connection but did not get to the list of cameras.
    case stalled(seconds: Int)
    case tls(TLSError)
    /// The network below failed, or the gateway just closed.
    case lost(String)

    /// Whether it makes sense to come back.
    ///
    /// - Parameter hadLogin: whether an earlier login of this run was accepted, so that the password is right.
    package func isTemporary(hadLogin: Bool) -> Bool {
        switch self {
        case .malformed, .unexpected, .badFrame: false
        case .denied(.credentials, _, _): false
        case .denied(.locked, _, _): hadLogin
        case .denied(.busy, _, _): true
        case .bye(.revoked, _), .bye(.malformed, _): false
        case .bye: true
        case .tls(.untrusted), .tls(.noApplicationProtocol): false
        case .silence, .stalled, .tls, .lost: true
        }
    }

    /// Least time before another try, in microseconds.
    package var leastWait: Int64 {
        if case .denied(_, let wait, _) = self { Int64(wait) * 1_000_000 } else { 0 }
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
        case .malformed(let error): "it breaks the protocol: \(error); is it a secam gateway of a fitting version?"
        case .unexpected(let type): "it breaks the protocol: message '\(type)' has no place here"
        case .badFrame(let reason): "it breaks the protocol: \(reason)"
        case .denied(.credentials, _, let detail):
            "login refused\(suffix(detail)); check --username and the password"
        case .denied(.locked, let wait, let detail):
            "login locked after too many wrong tries\(suffix(detail)); try again in \(wait) s"
        case .denied(.busy, _, let detail): "too busy for a login now\(suffix(detail)); try again"
        case .bye(.revoked, let detail):
            "access was revoked\(suffix(detail)); ask the gateway's operator, then log in anew"
        case .bye(.malformed, let detail): "it says that we broke the protocol\(suffix(detail)); update one of the two"
        case .bye(.shutdown, _): "it is shutting down; try again later"
        case .bye(.overload, let detail): "it has too many connections\(suffix(detail)); try again later"
        case .bye(let reason, let detail): "it closed the connection (\(reason)\(suffix(detail))); try again"
        case .silence(let seconds): "nothing heard for \(seconds) s; check the network"
        case .stalled(let seconds):
            "it accepted the connection but no login within \(seconds) s; is it a secam gateway?"
        case .tls(.truncated): "connection lost: it was cut off"
        case .tls(let error): "\(printable("\(error)")); is it a secam gateway's port?"
        case .lost(let reason): "connection lost: \(printable(reason))"
        }
    }

    private func suffix(_ detail: String) -> String { detail.isEmpty ? "" : ": \(printable(detail))" }
}
