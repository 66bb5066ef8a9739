import Glibc
import SecamBase

/// Processor time and memory of a process, from /proc.
enum ProcessCost {
    /// Returns the processor time of each thread in nanoseconds, from /proc/PID/task/*/schedstat; empty when the process has
    /// ended.
    static func threads(of process: Int32) -> [Int32: UInt64] {
        let folder = "/proc/\(process)/task"
        var times: [Int32: UInt64] = [:]
        for entry in FolderEntries.names(in: folder) {
            guard let thread = Int32(entry), let text = SystemFile.read("\(folder)/\(entry)/schedstat"),
                let time = text.split(separator: " ").first.flatMap({ UInt64($0) })
            else { continue }
            times[thread] = time
        }
        return times
    }

    /// Returns the processor time between two readings in nanoseconds, without threads that have ended.
    static func nanoseconds(from earlier: [Int32: UInt64], to later: [Int32: UInt64]) -> UInt64 {
        later.reduce(0) { sum, thread in sum + (thread.value &- min(thread.value, earlier[thread.key] ?? 0)) }
    }

    /// Returns the resident bytes. Shared libraries count in each process that uses them.
    static func residentBytes(of process: Int32) -> UInt64? {
        guard let text = SystemFile.read("/proc/\(process)/statm") else { return nil }
        let numbers = text.split(separator: " ")
        return numbers.count > 1 ? UInt64(numbers[1]).map { $0 * UInt64(getpagesize()) } : nil
    }

    /// Returns the proportional set size in bytes, in which each process has a share of shared pages.
    static func proportionalBytes(of process: Int32) -> UInt64? {
        SystemFile.read("/proc/\(process)/smaps_rollup")?.split(separator: "\n").first { $0.hasPrefix("Pss:") }
            .flatMap { UInt64($0.filter(\.isNumber)) }.map { $0 << 10 }
    }
}

/// A reading of the processor times of several processes.
struct CostReading {
    let time: MonotonicNanoseconds
    private let threads: [String: [Int32: UInt64]]

    /// - Parameter processes: process numbers, and their names in the report.
    init(_ processes: [(name: String, process: Int32)]) {
        threads = Dictionary(
            processes.map { ($0.name, ProcessCost.threads(of: $0.process)) }, uniquingKeysWith: { first, _ in first })
        time = .now
    }

    /// Returns the seconds since an earlier reading.
    func seconds(since earlier: CostReading) -> Double { Double(time.value - earlier.time.value) / 1e9 }

    /// Returns the processor time since an earlier reading, in nanoseconds.
    ///
    /// - Throws: when the process has ended.
    func nanoseconds(of name: String, since earlier: CostReading) throws(BenchFailure) -> Double {
        guard let before = earlier.threads[name], let after = threads[name], !before.isEmpty, !after.isEmpty,
            !before.keys.allSatisfy({ after[$0] == nil })
        else { throw BenchFailure("\(name) ended while it was measured") }
        return Double(ProcessCost.nanoseconds(from: before, to: after))
    }

    /// Returns the processor time since an earlier reading, per cent of one core.
    func percent(of name: String, since earlier: CostReading) throws(BenchFailure) -> Double {
        try nanoseconds(of: name, since: earlier) / (seconds(since: earlier) * 1e7)
    }
}

/// A time of CLOCK_MONOTONIC, the clock of a device's frame times, or of a thread's processor time.
struct MonotonicNanoseconds {
    let value: Int64

    static var now: MonotonicNanoseconds {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return MonotonicNanoseconds(value: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
    }

    /// The calling thread's processor time.
    static var ofThread: MonotonicNanoseconds {
        var time = timespec()
        unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return MonotonicNanoseconds(value: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
    }
}

/// A failed measurement.
struct BenchFailure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// The machine of the measurement.
struct Machine {
    let model: String
    let cores: Int
    let kernel: String
    /// Load average of one minute before the first measurement; other load worsens the results.
    let load: String

    init() {
        let lines = (SystemFile.read("/proc/cpuinfo") ?? "").split(separator: "\n")
        let line = lines.first { $0.hasPrefix("model name") || $0.hasPrefix("Model") }
        model = line?.split(separator: ":").last.map { $0.drop { $0 == " " }.description } ?? "unknown processor"
        cores = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
        kernel = (SystemFile.read("/proc/sys/kernel/osrelease") ?? "?").filter { $0 != "\n" }
        load = (SystemFile.read("/proc/loadavg") ?? "?").split(separator: " ").first.map(String.init) ?? "?"
    }
}
