import FoundationEssentials
import Glibc
import Logging
import SecamBase
import SecamControl
import SecamMesh
import SecamProcess
import SecamRegistry
import SecamWire

/// A folder for everything that a benchmark writes, removed at its end.
struct BenchFolder {
    let path: String

    init() throws {
        let parent = ProgramEnvironment.variables["TMPDIR"] ?? "/tmp"
        var template = Array("\(parent)/secam-bench-XXXXXX".utf8CString)
        guard unsafe mkdtemp(&template) != nil else {
            throw BenchFailure("\(parent): no folder can be made there: \(unsafe String(cString: strerror(errno)))")
        }
        path = String(decoding: template.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    func remove() { try? FileManager.default.removeItem(atPath: path) }
}

/// Pictures and the like, whole.
enum FileBytes {
    static func read(_ path: String) throws -> [UInt8] {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw BenchFailure("\(path) cannot be read")
        }
        return [UInt8](data)
    }

    static func write(_ bytes: [UInt8], to path: String) throws {
        guard FileManager.default.createFile(atPath: path, contents: Data(bytes)) else {
            throw BenchFailure("\(path) cannot be written")
        }
    }
}

/// Lets the services and other programs write their log to a file, so that it does not run through the table.
struct DivertedErrors {
    private let original: Int32
    private let log: String

    init(to log: String) throws {
        self.log = log
        let file = unsafe open(log, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw BenchFailure("\(log): \(unsafe String(cString: strerror(errno)))") }
        original = fcntl(2, F_DUPFD_CLOEXEC, 3)
        dup2(file, 2)
        close(file)
    }

    /// A line for people who wait.
    func say(_ text: String) { write("secam bench: \(text)\n") }

    /// The last lines of the log, for people who look for a reason.
    func showLog() {
        write((SmallFile.read(log) ?? "").split(separator: "\n").suffix(20).joined(separator: "\n") + "\n")
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

/// What all parts of a benchmark share.
struct BenchContext: Sendable {
    let scratch: String
    let isQuick: Bool
    /// After it no further measurement begins.
    let deadline: MonotonicTime
    let say: @Sendable (String) -> Void

    /// Seconds of one measurement.
    func interval(_ full: Double) -> Double { isQuick ? min(full, 3) : full }

    var isLate: Bool { MonotonicTime.now > deadline }

    func sleep(_ seconds: Double) async throws { try await Task.sleep(for: .milliseconds(Int64(seconds * 1000))) }
}

/// A whole set of services with a data folder of its own, while it runs.
struct BenchSet: Sendable {
    let address: ServiceSetAddress
    let password: String
    let services: [(name: String, process: Int32)]
    private let identity: Identity

    /// Starts a set, and ends it when `body` is done.
    ///
    /// - Parameter motion: motion services; by default none, since a figure of what watching costs must not hold what
    ///   looking for motion does.
    /// - Parameter recordings: a folder to record everything to.
    static func run<Result: Sendable>(
        _ bench: BenchContext, cameras: [ServiceSetPlan.CameraPlan], motion: Int = 0,
        recordings: String? = nil,
        body: @escaping @Sendable (BenchSet) async throws -> Result
    ) async throws -> Result {
        let folder = DataFolder("\(bench.scratch)/set-\(MonotonicTime.now.microseconds)")
        try folder.make()
        guard let password = try FirstAdmin.make(in: folder) else { throw BenchFailure("\(folder.path) has users") }
        var plan = ServiceSetPlan(
            folder: folder, programs: SiblingPrograms.folder, host: "127.0.0.1", port: 0, listen: "tcp://127.0.0.1:*",
            cameras: cameras, encoders: 1, motion: motion,
            gatewayArguments: ["--connections-per-address", "1000", "--connections-per-user", "1000"])
        // Only the kernel's account of a process that may be read tells apart what it shares.
        plan.isDebuggable = true
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
                    // The end that was asked for.
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

    /// What `secam bench viewers` needs to watch these cameras.
    func loadArguments(cameras: [String]) -> [String] {
        let colon = address.local.lastIndex(of: ":")!
        let arguments = [
            "--host", String(address.local[..<colon]), "--port",
            String(address.local[address.local.index(after: colon)...]),
            "--fingerprint", address.fingerprint,
        ]
        return arguments + cameras.flatMap { ["--camera", $0] }
    }

    /// What `secam-view` needs to log in; the password goes by its environment.
    var viewArguments: [String] {
        ["--server", address.local, "--username", "admin", "--fingerprint", address.fingerprint]
    }

    var residentBytes: UInt64 {
        services.reduce(0) { $0 + (ProcessCost.residentBytes(of: $1.process) ?? 0) }
    }

    /// Per cent of one core for all services together.
    func percent(since earlier: CostReading, at later: CostReading) throws -> Double {
        try services.reduce(0) { try $0 + later.percent(of: $1.name, since: earlier) }
    }
}
