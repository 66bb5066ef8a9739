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

/// One program of the set, started again whenever it ends.
final class ChildProcess: Sendable {
    let role: String
    let name: String
    /// Whether the others are of no use without it.
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

    /// Milliseconds between an end and the next start: the first and the longest.
    private static let firstPause = 100
    private static let longestPause = 10_000
    /// A program that ran this long, in microseconds, starts with the first pause again: it was killed, or has a fault that
    /// shows now and then, while one that cannot run ends at once.
    private static let steady: Int64 = 1_000_000

    /// - Parameters:
    ///   - program: the path of the executable.
    ///   - role: what it is, for people.
    ///   - isEssential: whether the set ends when it cannot run; otherwise it is tried again and again.
    ///   - variables: environment variables besides ours, also for secrets: other users can read arguments.
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

    /// Its process number; `nil` while it does not run.
    var process: Int32? { state.withLock { $0.process } }

    /// Whether it has said at its first start that it cannot run as things are.
    var hasFailed: Bool { state.withLock { $0.hasFailed } }

    private var starts: Int { state.withLock { $0.starts } }

    /// For the next start; of an option that is there twice the later one holds.
    func append(arguments: [String]) { state.withLock { $0.arguments += arguments } }

    /// Runs the program until cancelled.
    ///
    /// - Parameter onRestart: called after each start but the first.
    /// - Throws: when the program cannot be started, or when one that is essential says that its configuration is wrong:
    ///   then starting it again would not help.
    func run(onRestart: @escaping @Sendable () -> Void) async throws {
        var pause = ChildProcess.firstPause
        while !Task.isCancelled {
            let started = MonotonicTime.now
            let status = try await runOnce(onRestart: onRestart)
            state.withLock { $0.process = nil }
            guard !Task.isCancelled else { return }
            // What has run before can run again: a port may be taken for a moment.
            let isFirst = starts == 1
            if case .exited(let code) = status, let meaning = ExitStatus(rawValue: code), isFirst, meaning.isFinal {
                guard !isEssential else { throw ChildFailure(name: "\(role)/\(name)", status: meaning) }
                state.withLock { $0.hasFailed = true }
                pause = ChildProcess.longestPause
            }
            if MonotonicTime.now.since(started) > ChildProcess.steady { pause = ChildProcess.firstPause }
            logger.warning(
                "a service ended and is started again",
                metadata: ["service": "\(role)/\(name)", "status": "\(status)", "milliseconds": "\(pause)"])
            try? await Task.sleep(for: .milliseconds(pause))
            pause = min(pause * 2, ChildProcess.longestPause)
        }
    }

    /// Runs the program with `--check`, which starts nothing.
    ///
    /// - Throws: when it refuses its settings; it has said why itself.
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

    /// What was meant for `secam up` itself, as its port, is not meant for its children.
    private var environment: Environment {
        var all: [Environment.Key: String] = [:]
        for (name, value) in ProgramEnvironment.variables where !name.hasPrefix("SECAM_") {
            all[Environment.Key(stringLiteral: name)] = value
        }
        for (name, value) in variables { all[Environment.Key(stringLiteral: name)] = value }
        return .custom(all)
    }

    private func runOnce(onRestart: @escaping @Sendable () -> Void) async throws -> TerminationStatus {
        var options = PlatformOptions()
        options.teardownSequence = [.gracefulShutDown(allowedDurationToNextStep: .milliseconds(4500))]
        // Its standard input is a pipe of ours: when we are gone, even killed, it comes to its end and so does the
        // program. Its standard output has nothing to say but that it is closed when the program has ended.
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

/// A program that will not run, however often it is started; it has said why itself.
struct ChildFailure: ProgramError {
    let name: String
    let status: ExitStatus

    var exitStatus: ExitStatus { status }
    var description: String { "\(name) cannot run; see its message above" }
}

extension ExitStatus {
    /// Whether the program would end the same way again.
    fileprivate var isFinal: Bool {
        switch self {
        case .usage, .data, .noInput, .unavailable, .cannotCreate, .noPermission, .configuration: true
        case .success, .problem, .down, .software, .system, .inputOutput, .protocol, .incomplete: false
        }
    }
}
