import COpenSSL
import SecamCrypto

/// One reference to an OpenSSL object, given back when its owner goes.
///
/// Sendable since OpenSSL counts references atomically and we only hold objects that are no longer changed, except
/// in the function that makes them.
@safe
final class OpenSSLObject: Sendable {
    nonisolated(unsafe) private let pointer: OpaquePointer
    private let release: @Sendable (OpaquePointer) -> Void

    /// - Parameter operation: what was tried, for the error when `pointer` is nil.
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

/// The calling thread's queue of OpenSSL errors, as errors of TLS.
typealias OpenSSLQueue = OpenSSLErrorQueue<TLSError>

extension TLSError: OpenSSLFailure {}
