import FoundationEssentials
import Glibc
import SecamControl
import SecamProcess
import Subprocess

#if canImport(System)
    import System
#else
    import SystemPackage
#endif

/// Programs that a benchmark runs beside the services. They share this program's standard error.
enum BenchProgram {
    /// Returns the path of a program in PATH.
    ///
    /// - Throws: when the program is not installed.
    static func require(_ name: String) throws(BenchFailure) -> String {
        guard let path = find(name) else { throw BenchFailure("\(name) is not installed; install it") }
        return path
    }

    /// Returns the path of a program in PATH; `nil` when it is not installed.
    static func find(_ name: String) -> String? {
        let folders = (ProgramEnvironment.variables["PATH"] ?? "/usr/bin:/bin").split(separator: ":")
        return folders.map { "\($0)/\(name)" }.first { unsafe access($0, X_OK) == 0 }
    }

    /// Runs a program to its end.
    ///
    /// - Parameters:
    ///   - environment: additional environment variables.
    ///   - meanwhile: called with the process number while the program runs.
    /// - Returns: the program's standard output.
    /// - Throws: when the program's exit status is not 0.
    static func output(
        of program: String, _ arguments: [String], environment: [String: String] = [:],
        meanwhile: (Int32) async throws -> Void = { _ in }
    ) async throws -> String {
        let result = try await run(
            .path(FilePath(program)), arguments: Arguments(arguments), environment: inherited(environment),
            platformOptions: options, input: .none, output: .string(limit: outputLimit), error: .currentStandardError
        ) { execution in
            try await meanwhile(execution.processIdentifier.value)
        }
        guard case .exited(0) = result.terminationStatus else {
            throw BenchFailure("\(program) ended with \(result.terminationStatus)")
        }
        return result.standardOutput
    }

    /// Runs a program until `body` returns, then terminates it.
    static func whileRunning<Result: Sendable>(
        _ program: String, _ arguments: [String], body: (Int32) async throws -> Result
    ) async throws -> Result {
        let outcome = try await run(
            .path(FilePath(program)), arguments: Arguments(arguments), platformOptions: options, input: .none,
            output: .discarded, error: .currentStandardError
        ) { execution in
            let result = try await body(execution.processIdentifier.value)
            await execution.teardown(using: options.teardownSequence)
            return result
        }
        return outcome.closureResult
    }

    private static let outputLimit = 1 << 20

    static var options: PlatformOptions {
        var options = PlatformOptions()
        options.teardownSequence = [.gracefulShutDown(allowedDurationToNextStep: .seconds(3))]
        return options
    }

    static func inherited(_ additions: [String: String]) -> Environment {
        .inherit.updating(Dictionary(uniqueKeysWithValues: additions.map { (Environment.Key(stringLiteral: $0), $1) }))
    }
}

/// The process of the viewers, from the benchmark's side.
final class RemoteLoad {
    private let write: (String) async throws -> Void
    private let nextLine: () async throws -> String?

    private init(
        write: @escaping (String) async throws -> Void, nextLine: @escaping () async throws -> String?
    ) {
        self.write = write
        self.nextLine = nextLine
    }

    /// Runs `secam bench viewers` until `body` returns.
    static func run<Result: Sendable>(
        _ arguments: [String], password: String = "", body: (RemoteLoad) async throws -> Result
    ) async throws -> Result {
        let outcome = try await Subprocess.run(
            .path(FilePath("\(SiblingPrograms.folder)/secam")), arguments: Arguments(["bench", "viewers"] + arguments),
            environment: BenchProgram.inherited(["SECAM_PASSWORD": password]), platformOptions: BenchProgram.options,
            input: .inputWriter, output: .sequence, error: .currentStandardError
        ) { execution in
            let lines = LineReader(execution.standardOutput.strings(bufferingPolicy: .maxLineLength(lineLimit)))
            let writer = execution.standardInputWriter
            return try await body(
                RemoteLoad(
                    write: { _ = try await writer.write($0) }, nextLine: { try await lines.next() }))
        }
        return outcome.closureResult
    }

    /// Bytes of a report. Its largest part is the first viewer's latencies.
    private static let lineLimit = 8 << 20

    /// Adds viewers, and returns when there are `count` and each has received a frame.
    func grow(to count: Int) async throws {
        let report = try await send("grow \(count)")
        guard report.lost == 0 else {
            throw BenchFailure("\(report.lost) of \(report.viewers) viewers failed: \(report.reason ?? "")")
        }
    }

    /// Returns the frames since the last command.
    func report() async throws -> LoadReport { try await send("report") }

    private func send(_ command: String) async throws -> LoadReport {
        try await write(command + "\n")
        guard let line = try await nextLine() else {
            throw BenchFailure("the process of the viewers ended; see its message above")
        }
        return try JSONDecoder().decode(LoadReport.self, from: Data(line.utf8))
    }
}

/// Lines of a program's output, one at a time.
private final class LineReader {
    private var iterator: SubprocessOutputSequence.StringSequence<UTF8>.AsyncIterator

    init(_ lines: SubprocessOutputSequence.StringSequence<UTF8>) { iterator = lines.makeAsyncIterator() }

    func next() async throws -> String? { try await iterator.next(isolation: #isolation) }
}
