/// What can go wrong in this module. Texts that OpenSSL gave are copied out of its queue where they happen.
package enum TLSError: Error, Sendable, Hashable {
    /// A file could not be opened, read or written.
    case file(path: String, operation: String, reason: String)
    /// A file was read, but it does not hold what it should.
    case malformedFile(path: String, reason: String)
    case certificateExpired(path: String, on: String, now: String)
    case certificateNotYetValid(path: String, until: String, now: String)
    case keyDoesNotFit(certificatePath: String, keyPath: String)
    /// An argument that cannot work: a protocol name, a host name, a password out of its limits.
    case configuration(String)
    /// OpenSSL refused an operation that has no reason to fail, such as for lack of memory.
    case library(operation: String, reason: String)

    /// The handshake did not come to its end; the reason is OpenSSL's, or an alert that the peer sent.
    case handshake(reason: String)
    /// The peer names none of our application protocols, but these.
    case noApplicationProtocol(offered: [String])
    /// The server's certificate is not one that `TLSTrust` admits.
    case untrusted(serverName: String, presented: PresentedCertificate, reason: String)
    /// After the handshake: a record that was damaged, forged or out of place.
    case malformedRecord(reason: String)
    /// The stream ended without the peer's `close_notify`: whatever came last may be cut off (RFC 8446 §6.1).
    case truncated
    /// The connection was already closed, or closed before this write was sent.
    case closed
    /// More bytes wait to be sent than the named limit allows.
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
                + ", which we do not speak"
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
            "'\(text)' is no SHA-256 fingerprint; it has 64 hexadecimal digits, with or without colons"
        }
    }
}
