import COpenSSL
import SecamCrypto

/// A reference to an OpenSSL object, released with its owner.
///
/// It is sendable because OpenSSL counts references atomically, and objects do not change after the function that
/// creates them.
@safe
final class OpenSSLObject: Sendable {
    nonisolated(unsafe) private let pointer: OpaquePointer
    private let release: @Sendable (OpaquePointer) -> Void

    /// - Parameter operation: the operation that returned `pointer`, for the error when it is `nil`.
    init(
        _ pointer: OpaquePointer?, to operation: String, freedBy release: @escaping @Sendable (OpaquePointer) -> Void
    ) throws(TLSError) {
        guard let pointer = unsafe pointer else { throw OpenSSLQueue.error(operation) }
        unsafe self.pointer = pointer
        unsafe self.release = release
    }

    deinit {
        unsafe release(pointer)
    }

    func withPointer<Result, Failure>(
        _ body: (OpaquePointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        defer { withExtendedLifetime(self) {} }
        return try unsafe body(pointer)
    }
}

/// The calling thread's queue of OpenSSL errors, as TLS errors.
typealias OpenSSLQueue = OpenSSLErrorQueue<TLSError>

extension TLSError: OpenSSLFailure {}
