import Glibc
import SecamBase

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
        let numbers = (SystemFile.read("/proc/self/statm") ?? "").split(separator: " ")
        return numbers.count > 1 ? UInt64(numbers[1]) ?? 0 : 0
    }
}
