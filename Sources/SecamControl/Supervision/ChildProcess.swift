import Logging
import SecamBase
import SecamProcess
import Subprocess
import Synchronization

#if canImport(System)
    import System
#else
    import SystemPackage
#endif

/// One service of the set, restarted whenever it ends.
final class ChildProcess: Sendable {
    let role: String
    let name: String
    /// Whether the set ends when this service cannot run.
    let isEssential: Bool
    private let program: String
    private let variables: [String: String]
    private let logger: Logger
    private let state: Mutex<State>

    private struct State {
        var arguments: [String]
        var process: Int32?
        var starts = 0
        var hasFailed = false
    }

    /// The back-off between an end and the next start doubles from `shortestBackoff` to `longestBackoff`.
    private static let shortestBackoff: Duration = .milliseconds(100)
    private static let longestBackoff: Duration = .seconds(10)
    /// A service that ran this long was killed or crashes rarely, so its back-off starts again. One that cannot run ends
    /// sooner.
    private static let stableTime: Duration = .seconds(1)

    /// - Parameters:
    ///   - program: path of the executable.
    ///   - role: role in log lines and in the ready file.
    ///   - isEssential: whether the set ends when this service cannot run; otherwise it is restarted forever.
    ///   - variables: additional environment variables, also for secrets, since other users can read arguments.
    init(
        _ program: String, role: String, name: String, logger: Logger, arguments: [String], isEssential: Bool = true,
        variables: [String: String] = [:]
    ) {
        self.program = program
        self.isEssential = isEssential
        self.variables = variables
        state = Mutex(State(arguments: arguments))
        self.role = role
        self.name = name
        self.logger = logger
    }

    /// The process number; `nil` while the service does not run.
    var process: Int32? { state.withLock { $0.process } }

    /// Whether the first start failed with an exit status that says that the service cannot run.
    var hasFailed: Bool { state.withLock { $0.hasFailed } }

    private var starts: Int { state.withLock { $0.starts } }

    /// Adds arguments for the next start. A later option overrides an earlier one.
    func append(arguments: [String]) { state.withLock { $0.arguments += arguments } }

    /// Runs the service until cancelled.
    ///
    /// - Parameter onRestart: called after each start except the first.
    /// - Throws: when the program cannot be started, or when an essential service reports an invalid configuration, since a
    ///   restart would not help.
    func run(onRestart: @escaping @Sendable () -> Void) async throws {
        var backoff = ChildProcess.shortestBackoff
        while !Task.isCancelled {
            let started = MonotonicTime.now
            let status = try await runOnce(onRestart: onRestart)
            state.withLock { $0.process = nil }
            guard !Task.isCancelled else { return }
            // A service that has run before can run again, such as when its port is taken for a moment.
            let isFirst = starts == 1
            if case .exited(let code) = status, let meaning = ExitStatus(rawValue: code), isFirst, meaning.isFinal {
                guard !isEssential else { throw ChildFailure(name: "\(role)/\(name)", status: meaning) }
                state.withLock { $0.hasFailed = true }
                backoff = ChildProcess.longestBackoff
            }
            if .now - started > ChildProcess.stableTime { backoff = ChildProcess.shortestBackoff }
            logger.warning(
                "service ended, restart scheduled",
                metadata: [
                    "service": "\(role)/\(name)", "status": "\(status)",
                    "delay-milliseconds": "\(backoff.milliseconds)",
                ])
            try? await Task.sleep(for: backoff)
            backoff = min(backoff * 2, ChildProcess.longestBackoff)
        }
    }

    /// Runs the program with `--check`, which checks its settings and starts nothing.
    ///
    /// - Throws: when the program refuses its settings; it has logged the reason.
    func check() async throws {
        let arguments = state.withLock { $0.arguments } + ["--check"]
        let errors = try ChildLog(of: "\(role)/\(name)", logger: logger)
        let status = try await Subprocess.run(
            .path(FilePath(program)), arguments: Arguments(arguments), environment: environment, input: .none,
            output: .discarded,
            error: .fileDescriptor(FileDescriptor(rawValue: errors.input), closeAfterSpawningProcess: true)
        ).terminationStatus
        await errors.finish()
        guard status == .exited(0) else {
            if case .exited(let code) = status, let meaning = ExitStatus(rawValue: code) {
                throw ChildFailure(name: "\(role)/\(name)", status: meaning)
            }
            throw ChildFailure(name: "\(role)/\(name)", status: .software)
        }
    }

    /// The environment without `SECAM_` variables, such as `SECAM_PORT`, which are for `secam up` itself.
    private var environment: Environment {
        var all: [Environment.Key: String] = [:]
        for (name, value) in ProgramEnvironment.variables where !name.hasPrefix("SECAM_") {
            all[Environment.Key(stringLiteral: name)] = value
        }
        for (name, value) in variables { all[Environment.Key(stringLiteral: name)] = value }
        // After a crash, Swift's backtracer would hold the service's port while it works, and the service could not restart.
        all["SWIFT_BACKTRACE"] = all["SWIFT_BACKTRACE"] ?? "enable=no"
        return .custom(all)
    }

    private func runOnce(onRestart: @escaping @Sendable () -> Void) async throws -> TerminationStatus {
        var options = PlatformOptions()
        options.teardownSequence = [.gracefulShutDown(allowedDurationToNextStep: .milliseconds(4500))]
        // The child's standard input is a pipe of this process. When this process ends, even by SIGKILL, the pipe closes
        // and the child ends. The child's standard output carries no data; it closes when the child has ended.
        let errors = try ChildLog(of: "\(role)/\(name)", logger: logger)
        do {
            let status = try await run(options, errors: FileDescriptor(rawValue: errors.input), onRestart: onRestart)
            await errors.finish()
            return status
        } catch {
            await errors.finish()
            throw error
        }
    }

    private func run(
        _ options: PlatformOptions, errors: FileDescriptor, onRestart: @escaping @Sendable () -> Void
    ) async throws -> TerminationStatus {
        let result = try await Subprocess.run(
            .path(FilePath(program)), arguments: Arguments(state.withLock { $0.arguments } + ["--with-parent"]),
            environment: environment, platformOptions: options,
            input: .inputWriter, output: .sequence,
            error: .fileDescriptor(errors, closeAfterSpawningProcess: true)
        ) { execution in
            let starts = state.withLock { state in
                state.process = execution.processIdentifier.value
                state.starts += 1
                return state.starts
            }
            if starts > 1 { onRestart() }
            for try await _ in execution.standardOutput {}
        }
        return result.terminationStatus
    }
}

/// A service that cannot run, whose own message says why.
struct ChildFailure: ProgramError {
    let name: String
    let status: ExitStatus

    var exitStatus: ExitStatus { status }
    var description: String { "\(name) cannot run; see its message above" }
}

extension ExitStatus {
    /// Whether a restart would end in the same way.
    fileprivate var isFinal: Bool {
        switch self {
        case .usage, .data, .noInput, .unavailable, .cannotCreate, .noPermission, .configuration: true
        case .success, .problem, .down, .software, .system, .inputOutput, .protocol, .incomplete: false
        }
    }
}
