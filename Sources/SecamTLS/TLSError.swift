/// An error of a TLS connection or its files. OpenSSL's texts are copied from its queue when they occur.
package enum TLSError: Error, Sendable, Hashable {
    /// A file cannot be opened, read or written.
    case file(path: String, operation: String, reason: String)
    /// A file's content is invalid.
    case malformedFile(path: String, reason: String)
    case certificateExpired(path: String, on: String, now: String)
    case certificateNotYetValid(path: String, until: String, now: String)
    case keyDoesNotFit(certificatePath: String, keyPath: String)
    /// An argument is invalid: a protocol name, a host name, or a password outside its limits.
    case configuration(String)
    /// An OpenSSL operation failed unexpectedly, for example for lack of memory.
    case library(operation: String, reason: String)

    /// The handshake failed; the reason is OpenSSL's text or an alert of the peer.
    case handshake(reason: String)
    /// The peer offers these protocols, and none of ours.
    case noApplicationProtocol(offered: [String])
    /// `TLSTrust` rejects the server's certificate.
    case untrusted(serverName: String, presented: PresentedCertificate, reason: String)
    /// A record after the handshake was damaged, forged or unexpected.
    case malformedRecord(reason: String)
    /// The stream ended without the peer's `close_notify`, so its last bytes may be missing (RFC 8446 §6.1).
    case truncated
    /// The connection closed before this write was sent.
    case closed
    /// More bytes wait to be sent than the limit allows.
    case queueFull(limit: Int)

    case malformedFingerprint(String)
}

extension TLSError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .file(let path, let operation, let reason):
            "cannot \(operation) \(path): \(reason)"
        case .malformedFile(let path, let reason):
            "\(path): \(reason)"
        case .certificateExpired(let path, let date, let now):
            "\(path): the certificate expired on \(date). This machine's clock says \(now): set it if that is wrong, "
                + "else renew the certificate"
        case .certificateNotYetValid(let path, let date, let now):
            "\(path): the certificate is not valid before \(date). This machine's clock says \(now): set it if that is "
                + "wrong"
        case .keyDoesNotFit(let certificatePath, let keyPath):
            "the private key in \(keyPath) is not that of the certificate in \(certificatePath); give the matching pair"
        case .configuration(let text):
            text
        case .library(let operation, let reason):
            "OpenSSL could not \(operation): \(reason)"
        case .handshake(let reason):
            "TLS handshake failed: \(reason)"
        case .noApplicationProtocol(let offered):
            "TLS handshake failed: the peer offers "
                + (offered.isEmpty ? "no application protocol" : "only \(offered.joined(separator: ", "))")
                + ", which this program does not support"
        case .untrusted(let serverName, let presented, let reason):
            "the certificate of \(serverName) (SHA-256 \(presented.fingerprint)) is not trusted: \(reason)"
        case .malformedRecord(let reason):
            "TLS stream broken by the peer or on the way: \(reason)"
        case .truncated:
            "the connection was cut off: the peer did not end its TLS stream"
        case .closed:
            "the TLS connection is closed"
        case .queueFull(let limit):
            "more than \(limit) bytes wait to be sent over TLS"
        case .malformedFingerprint(let text):
            "'\(text)' is not a SHA-256 fingerprint of 64 hexadecimal digits, with or without colons"
        }
    }
}
