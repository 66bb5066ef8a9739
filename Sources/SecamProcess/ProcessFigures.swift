import Glibc

/// The resources that this process uses.
package struct ProcessFigures: Sendable {
    /// Resident memory, bytes.
    package let residentBytes: UInt64
    /// Processor time since the start, microseconds.
    package let cpuMicroseconds: UInt64

    package static var current: ProcessFigures {
        var usage = rusage()
        unsafe getrusage(Int32(RUSAGE_SELF.rawValue), &usage)
        let seconds = UInt64(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
        let microseconds = UInt64(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec)
        return ProcessFigures(
            residentBytes: residentPages() * UInt64(getpagesize()),
            cpuMicroseconds: seconds * 1_000_000 + microseconds)
    }

    /// Returns the second number of /proc/self/statm; 0 when the file is missing.
    private static func residentPages() -> UInt64 {
        let descriptor = unsafe open("/proc/self/statm", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return 0 }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 128)
        let count = unsafe read(descriptor, &bytes, bytes.count)
        guard count > 0 else { return 0 }
        let numbers = bytes.prefix(count).split(separator: UInt8(ascii: " "))
        return numbers.count > 1 ? UInt64(String(decoding: numbers[1], as: UTF8.self)) ?? 0 : 0
    }
}
