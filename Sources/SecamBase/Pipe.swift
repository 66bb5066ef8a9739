import CLinux
import Glibc

/// A pipe that no program inherits unless it is given an end.
package enum Pipe {
    /// Returns both ends, which the caller closes; `nil` with `errno` set when there can be no further descriptors.
    package static func open() -> (read: Int32, write: Int32)? {
        var ends: [Int32] = [-1, -1]
        guard unsafe secam_pipe2(&ends, O_CLOEXEC) == 0 else { return nil }
        return (ends[0], ends[1])
    }
}
