/// A failure of an OpenSSL operation, or an argument that it cannot work with.
package enum CryptoError: Error, Sendable, Hashable {
    /// An OpenSSL operation failed unexpectedly, for example for lack of memory. `reason` is OpenSSL's text.
    case library(operation: String, reason: String)
    case malformedPasswordHash(String)
    /// The password is longer than `limit` bytes.
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
