import Glibc

/// What a process costs, as the kernel counts it.
enum ProcessCost {
    /// Processor time by thread, nanoseconds, from /proc/PID/task/*/schedstat; empty when the process is gone.
    static func threads(of process: Int32) -> [Int32: UInt64] {
        let folder = "/proc/\(process)/task"
        var times: [Int32: UInt64] = [:]
        for entry in FolderList.entries(of: folder) {
            guard let thread = Int32(entry), let text = SmallFile.read("\(folder)/\(entry)/schedstat"),
                let time = text.split(separator: " ").first.flatMap({ UInt64($0) })
            else { continue }
            times[thread] = time
        }
        return times
    }

    /// Nanoseconds of processor time between two readings. Threads that ended in between are left out.
    static func nanoseconds(from earlier: [Int32: UInt64], to later: [Int32: UInt64]) -> UInt64 {
        later.reduce(0) { sum, thread in sum + (thread.value &- min(thread.value, earlier[thread.key] ?? 0)) }
    }

    /// Resident bytes; shared libraries count in each process that uses them.
    static func residentBytes(of process: Int32) -> UInt64? {
        guard let text = SmallFile.read("/proc/\(process)/statm") else { return nil }
        let numbers = text.split(separator: " ")
        return numbers.count > 1 ? UInt64(numbers[1]).map { $0 * UInt64(getpagesize()) } : nil
    }

    /// Resident bytes, of what is shared only this process's part.
    static func proportionalBytes(of process: Int32) -> UInt64? {
        SmallFile.read("/proc/\(process)/smaps_rollup")?.split(separator: "\n").first { $0.hasPrefix("Pss:") }
            .flatMap { UInt64($0.filter(\.isNumber)) }.map { $0 << 10 }
    }
}

/// A reading of several processes, to be compared with a later one.
struct CostReading {
    let time: MonotonicNanoseconds
    private let threads: [String: [Int32: UInt64]]

    /// - Parameter processes: by what the report calls them.
    init(_ processes: [(name: String, process: Int32)]) {
        threads = Dictionary(
            processes.map { ($0.name, ProcessCost.threads(of: $0.process)) }, uniquingKeysWith: { first, _ in first })
        time = .now
    }

    /// Seconds since an earlier reading.
    func seconds(since earlier: CostReading) -> Double { Double(time.value - earlier.time.value) / 1e9 }

    /// Nanoseconds of processor time since an earlier reading.
    ///
    /// - Throws: when the process was not there all the time.
    func nanoseconds(of name: String, since earlier: CostReading) throws(BenchFailure) -> Double {
        guard let before = earlier.threads[name], let after = threads[name], !before.isEmpty, !after.isEmpty,
            !before.keys.allSatisfy({ after[$0] == nil })
        else { throw BenchFailure("\(name) ended while it was measured") }
        return Double(ProcessCost.nanoseconds(from: before, to: after))
    }

    /// Per cent of one core since an earlier reading.
    func percent(of name: String, since earlier: CostReading) throws(BenchFailure) -> Double {
        try nanoseconds(of: name, since: earlier) / (seconds(since: earlier) * 1e7)
    }
}

/// CLOCK_MONOTONIC, on which devices stamp their frames.
struct MonotonicNanoseconds {
    let value: Int64

    static var now: MonotonicNanoseconds {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return MonotonicNanoseconds(value: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
    }

    /// Of the calling thread's processor time.
    static var ofThread: MonotonicNanoseconds {
        var time = timespec()
        unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return MonotonicNanoseconds(value: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
    }
}

/// Files of /proc and logs, which are short.
enum SmallFile {
    private static let limit = 4 << 20

    /// The file's text; `nil` when it cannot be read.
    static func read(_ path: String) -> String? {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 8192)
        while bytes.count < limit {
            let count = unsafe Glibc.read(descriptor, &chunk, chunk.count)
            guard count >= 0 else { return nil }
            guard count > 0 else { break }
            bytes += chunk.prefix(count)
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

enum FolderList {
    /// The names in a folder, without `.` and `..`; empty when it cannot be read.
    static func entries(of path: String) -> [String] {
        guard let folder = unsafe opendir(path) else { return [] }
        defer { unsafe closedir(folder) }
        var names: [String] = []
        while let entry = unsafe readdir(folder) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                unsafe String(cString: UnsafeRawPointer(pointer).assumingMemoryBound(to: CChar.self))
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }
}

/// A measurement that could not be made.
struct BenchFailure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// The machine that was measured.
struct Machine {
    let model: String
    let cores: Int
    let kernel: String
    /// Of one minute, before the first measurement: other work on the machine makes figures worse.
    let load: String

    init() {
        let lines = (SmallFile.read("/proc/cpuinfo") ?? "").split(separator: "\n")
        let line = lines.first { $0.hasPrefix("model name") || $0.hasPrefix("Model") }
        model = line?.split(separator: ":").last.map { $0.drop { $0 == " " }.description } ?? "unknown processor"
        cores = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
        kernel = (SmallFile.read("/proc/sys/kernel/osrelease") ?? "?").filter { $0 != "\n" }
        load = (SmallFile.read("/proc/loadavg") ?? "?").split(separator: " ").first.map(String.init) ?? "?"
    }
}
