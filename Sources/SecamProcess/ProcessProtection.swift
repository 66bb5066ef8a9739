import CLinux
import Glibc

/// Protection of this process's keys and passwords from core dumps and from other processes of the same user.
package enum ProcessProtection {
    /// The variable that with the value `1` allows debuggers and core dumps.
    package static let debugVariable = "SECAM_DEBUG"

    package static var isOff: Bool { ProgramEnvironment.variables[debugVariable] == "1" }

    /// Disables core dumps, and tracing by processes other than root's, unless `SECAM_DEBUG` is `1`.
    ///
    /// Child processes cannot dump core either, but can be traced.
    package static func start() {
        guard !isOff else { return }
        var none = rlimit()
        _ = unsafe setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none)
        // A kernel that pipes core dumps to a program ignores the limit.
        _ = secam_make_undumpable()
    }
}
