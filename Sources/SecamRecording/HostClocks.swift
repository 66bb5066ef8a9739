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
    private static let boot = (SystemFile.read("/proc/sys/kernel/random/boot_id") ?? "").filter { !$0.isWhitespace }
}
