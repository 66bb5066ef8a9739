import CLinux
import Glibc

/// Protection of the keys and passwords in this process from core dumps and from other processes of the same user.
package enum ProcessProtection {
    /// With the value `1`, debuggers may attach and core dumps are written as the system has it.
    package static let debugVariable = "SECAM_DEBUG"

    package static var isOff: Bool { ProgramEnvironment.variables[debugVariable] == "1" }

    /// Forbids core dumps, and reading or tracing this process without root's rights; unless `SECAM_DEBUG` is `1`.
    ///
    /// Programs that this process starts cannot dump core either, but can be read again.
    package static func start() {
        guard !isOff else { return }
        var none = rlimit()
        _ = unsafe setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none)
        // A kernel that pipes core dumps to a program ignores the limit, but not this.
        _ = secam_make_undumpable()
    }
}
