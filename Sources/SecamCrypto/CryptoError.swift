/// A failure of OpenSSL's cryptography, or an argument that it cannot work with.
package enum CryptoError: Error, Sendable, Hashable {
    /// OpenSSL refused an operation that has no reason to fail, except for lack of memory. `reason` is OpenSSL's text.
    case library(operation: String, reason: String)
    case malformedPasswordHash(String)
    /// `limit` is in bytes.
    case passwordTooLong(limit: Int)
}

extension CryptoError: OpenSSLFailure {}

/// The calling thread's queue of OpenSSL errors, as errors of this module.
typealias OpenSSLQueue = OpenSSLErrorQueue<CryptoError>

extension CryptoError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .library(let operation, let reason):
            "OpenSSL could not \(operation): \(reason)"
        case .malformedPasswordHash(let reason):
            "malformed password hash: \(reason). Set the password again"
        case .passwordTooLong(let limit):
            "a password has at most \(limit) bytes"
        }
    }
}
