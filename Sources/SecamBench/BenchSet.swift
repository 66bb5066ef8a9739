import FoundationEssentials
import Glibc
import Logging
import SecamBase
import SecamControl
import SecamMesh
import SecamProcess
import SecamRegistry
import SecamWire
import ServiceLifecycle

/// The scratch folder of a benchmark.
struct BenchFolder {
    let path: String

    init() throws {
        let parent = ProgramEnvironment.variables["TMPDIR"] ?? "/tmp"
        var template = Array("\(parent)/secam-bench-XXXXXX".utf8CString)
        guard unsafe mkdtemp(&template) != nil else {
            throw BenchFailure("cannot create a folder in \(parent): \(SystemError.last)")
        }
        path = String(decoding: template.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    func remove() { try? FileManager.default.removeItem(atPath: path) }
}

/// Reads and writes whole files.
enum BenchFiles {
    static func read(_ path: String) throws -> [UInt8] {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw BenchFailure("cannot read \(path)")
        }
        return [UInt8](data)
    }

    static func write(_ bytes: [UInt8], to path: String) throws {
        guard FileManager.default.createFile(atPath: path, contents: Data(bytes)) else {
            throw BenchFailure("cannot write \(path)")
        }
    }
}

/// Redirects standard error, with the logs of services and other programs, to a file.
struct DivertedErrors {
    private let original: Int32
    private let log: String

    init(to log: String) throws {
        self.log = log
        let file = unsafe open(log, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0o600)
        guard file >= 0 else {
            throw BenchFailure("cannot create \(log): \(SystemError.last)")
        }
        original = fcntl(2, F_DUPFD_CLOEXEC, 3)
        dup2(file, 2)
        close(file)
    }

    /// Shows the progress to the user.
    func say(_ text: String) { write("secam bench: \(text)\n") }

    /// Shows the last lines of the log.
    func showLog() {
        write((SystemFile.read(log) ?? "").split(separator: "\n").suffix(20).joined(separator: "\n") + "\n")
    }

    func end() {
        dup2(original, 2)
        close(original)
    }

    private func write(_ text: String) {
        var text = text
        _ = text.withUTF8 { unsafe Glibc.write(original, $0.baseAddress, $0.count) }
    }
}

/// The scratch folder, the time limit and the messages of a running benchmark.
struct BenchContext: Sendable {
    let scratch: String
    let isQuick: Bool
    /// No further measurement starts after this.
    let deadline: MonotonicTime
    let say: @Sendable (String) -> Void

    /// Runs a benchmark until it ends or the program is told to stop. On an error, it shows the end of the services' logs.
    static func run(
        isQuick: Bool = false, timeLimit: Duration, body: @escaping @Sendable (BenchContext) async throws -> Void
    ) async throws {
        let scratch = try BenchFolder()
        defer { scratch.remove() }
        let errors = try DivertedErrors(to: "\(scratch.path)/services.log")
        defer { errors.end() }
        let bench = BenchContext(
            scratch: scratch.path, isQuick: isQuick, deadline: .now + timeLimit, say: { errors.say($0) })
        do {
            try await cancelWhenGracefulShutdown { try await body(bench) }
        } catch is CancellationError {
            // A signal ended the benchmark.
        } catch {
            errors.showLog()
            throw error
        }
    }

    /// Returns the duration of one measurement.
    func interval(_ full: Duration) -> Duration { isQuick ? min(full, .seconds(3)) : full }

    var isLate: Bool { MonotonicTime.now > deadline }

    func sleep(_ duration: Duration) async throws { try await Task.sleep(for: duration) }
}

/// A running set of services with its own data folder.
struct BenchSet: Sendable {
    let address: ServiceSetAddress
    let password: String
    let services: [(name: String, process: Int32)]
    private let identity: Identity

    /// Starts a set, and ends it when `body` returns.
    ///
    /// - Parameters:
    ///   - motion: number of motion services; by default none, so that the cost of viewing excludes motion detection.
    ///   - recordings: folder for continuous recordings; `nil` for no recording.
    ///   - isSharing: whether raw pictures go through shared memory.
    static func run<Result: Sendable>(
        _ bench: BenchContext, cameras: [ServiceSetPlan.CameraPlan], motion: Int = 0,
        recordings: String? = nil, isSharing: Bool = true,
        body: @escaping @Sendable (BenchSet) async throws -> Result
    ) async throws -> Result {
        let folder = DataFolder("\(bench.scratch)/set-\(MonotonicTime.now.microseconds)")
        try folder.make()
        guard let password = try FirstAdmin.make(in: folder) else { throw BenchFailure("\(folder.path) has users") }
        var plan = ServiceSetPlan(
            folder: folder, programs: SiblingPrograms.folder, host: "127.0.0.1", port: 0, listen: "tcp://127.0.0.1:*",
            cameras: cameras, encoders: 1, motion: motion,
            gatewayArguments: ["--connections-per-address", "1000", "--connections-per-user", "1000"])
        // The kernel shows the proportional memory only of debuggable processes.
        plan.isDebuggable = true
        plan.isSharing = isSharing
        if let recordings {
            plan.archives = 1
            plan.archiveArguments = ["--recordings", recordings]
            plan.gatewayArguments += ["--record", "continuous"]
        }
        let set = try ServiceSet(plan, logger: Logger.lines("bench"))
        let ready = AsyncStream<ServiceSetAddress>.makeStream()
        return try await withThrowingTaskGroup(of: Result?.self) { group in
            group.addTask {
                defer { ready.continuation.finish() }
                do {
                    try await set.run(onReady: { ready.continuation.yield($0) }, onRestart: {})
                } catch is CancellationError {
                    // The normal end of the set.
                }
                return nil
            }
            group.addTask {
                for await address in ready.stream {
                    let identity = try Identity.read(
                        folder.joinFile(.operator, "operator"), registry: address.registry, role: .operator)
                    let services = set.services.map { service in
                        (service.role == "capture" ? "capture \(service.name)" : service.role, service.process)
                    }
                    return try await body(
                        BenchSet(address: address, password: password, services: services, identity: identity))
                }
                throw BenchFailure("the services did not start")
            }
            var result: Result?
            while let finished = try await group.next() {
                result = finished ?? result
                group.cancelAll()
            }
            guard let result else { throw CancellationError() }
            return result
        }
    }

    func status() async throws -> Status { try await RegistryQuery.status(identity) }

    /// Returns the arguments with which `secam bench viewers` watches cameras of this set.
    func loadArguments(cameras: [String]) -> [String] {
        let local = HostPort(address.local)!
        let arguments = ["--host", local.host, "--port", "\(local.port)", "--fingerprint", address.fingerprint]
        return arguments + cameras.flatMap { ["--camera", $0] }
    }

    /// The arguments with which `secam-view` logs in. The password is in its environment.
    var viewArguments: [String] {
        ["--server", address.local, "--username", "admin", "--fingerprint", address.fingerprint]
    }

    var residentBytes: UInt64 {
        services.reduce(0) { $0 + (ProcessCost.residentBytes(of: $1.process) ?? 0) }
    }

    /// Returns the processor time of all services together, per cent of one core.
    func percent(since earlier: CostReading, at later: CostReading) throws -> Double {
        try services.reduce(0) { try $0 + later.percent(of: $1.name, since: earlier) }
    }
}
