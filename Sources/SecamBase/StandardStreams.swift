import Glibc

/// Unbuffered standard output.
package enum StandardOutput {
    /// Writes text, and ignores errors.
    package static func print(_ text: String) { try? write(Array(text.utf8)) }

    /// - Throws: when not all bytes can be written.
    package static func write(_ bytes: [UInt8]) throws(SystemError) {
        try FileBytes.write(bytes, to: STDOUT_FILENO)
    }
}

/// Unbuffered standard error, for messages beside a command's output.
package enum StandardError {
    /// Writes text, and ignores errors.
    package static func print(_ text: String) { try? FileBytes.write(Array(text.utf8), to: STDERR_FILENO) }
}

package enum StandardInput {
    /// Returns all bytes up to the end of the input; `nil` if there are more than `limit`.
    package static func readAll(limit: Int) throws(SystemError) -> [UInt8]? {
        try FileBytes.read(STDIN_FILENO, limit: limit)
    }
}
