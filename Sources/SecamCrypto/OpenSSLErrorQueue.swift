import COpenSSL

/// An error type that can carry a failed OpenSSL call.
package protocol OpenSSLFailure: Error {
    static func library(operation: String, reason: String) -> Self
}

/// The calling thread's queue of OpenSSL errors. Clear it before a call, and drain it in the same synchronous function.
package enum OpenSSLErrorQueue<Failure: OpenSSLFailure> {
    package static func clear() {
        ERR_clear_error()
    }

    /// Empties the queue and returns its texts, oldest first, such as `certificate verify failed`.
    package static func drain() -> String {
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

    package static func error(_ operation: String) -> Failure {
        .library(operation: operation, reason: drain())
    }

    /// Checks the result of a function that returns 1 on success.
    package static func check(_ result: CInt, _ operation: String) throws(Failure) {
        guard result == 1 else { throw error(operation) }
    }
}
