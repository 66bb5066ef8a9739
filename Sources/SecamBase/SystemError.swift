import Glibc

/// An error that the operating system reported.
package struct SystemError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The value of `errno`.
    package let code: CInt

    package init(code: CInt) { self.code = code }

    /// The last error of the C library on this thread.
    package static var last: SystemError { SystemError(code: errno) }

    package var description: String { unsafe String(cString: strerror(code)) }
}
