import Glibc
import SecamBase

/// The clocks with which an archive measures time.
package protocol ArchiveClocks: Sendable {
    var reading: RetentionClock.Reading { get }
}

/// The clocks of this machine.
package struct HostClocks: ArchiveClocks {
    package init() {}

    package var reading: RetentionClock.Reading {
        RetentionClock.Reading(
            wall: WallClock.now, uptime: Uptime.microseconds, boot: HostClocks.boot,
            isSynchronized: WallClock.isSynchronized)
    }

    /// Identifies the current run of the machine. The same in all its containers.
    private static let boot: String = {
        let path = "/proc/sys/kernel/random/boot_id"
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return "" }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 64)
        let count = unsafe read(descriptor, &bytes, bytes.count)
        return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self).filter { !$0.isWhitespace }
    }()
}
