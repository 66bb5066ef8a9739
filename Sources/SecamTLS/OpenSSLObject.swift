import COpenSSL

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

/// The calling thread's queue of OpenSSL errors. Clear it before a call, take it in the same synchronous function.
enum OpenSSLQueue {
    static func clear() {
        ERR_clear_error()
    }

    /// Empties the queue and gives its texts, oldest first, such as `certificate verify failed`.
    static func take() -> String {
        var texts: [String] = []
        while true {
            var data: UnsafePointer<CChar>?
            var flags: CInt = 0
            let code = unsafe ERR_get_error_all(nil, nil, nil, &data, &flags)
            guard code != 0 else { break }
            var text: String
            if let reason = unsafe ERR_reason_error_string(code) {
                text = unsafe String(cString: reason)
            } else {
                text = "error \(String(code, radix: 16))"
            }
            if flags & ERR_TXT_STRING != 0, let data = unsafe data, unsafe data.pointee != 0 {
                text += unsafe " (\(String(cString: data)))"
            }
            if !texts.contains(text) { texts.append(text) }
        }
        return texts.isEmpty ? "no reason given" : texts.joined(separator: "; ")
    }

    static func error(_ operation: String) -> TLSError {
        .library(operation: operation, reason: take())
    }

    /// For functions that return 1 on success.
    static func check(_ result: CInt, _ operation: String) throws(TLSError) {
        guard result == 1 else { throw error(operation) }
    }
}
