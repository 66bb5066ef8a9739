import CLinux
import Glibc

/// A pipe that child processes do not inherit by default.
package enum Pipe {
    /// Returns both ends, which the caller closes; `nil` with `errno` set on failure.
    package static func open() -> (read: Int32, write: Int32)? {
        var ends: [Int32] = [-1, -1]
        guard unsafe secam_pipe2(&ends, O_CLOEXEC) == 0 else { return nil }
        return (ends[0], ends[1])
    }
}
