package import Foundation
import Glibc
import Synchronization

/// The way a program ended.
package enum Ending: Sendable, Equatable {
    case exited(Int32)
    case killed(signal: Int32)
}

/// A program that ran to its end.
package struct FinishedProgram: Sendable {
    package let ending: Ending
    package let outputData: Data
    package let errors: String

    package var output: String { String(decoding: outputData, as: UTF8.self) }

    /// The exit status; `nil` when a signal ended the program.
    package var status: Int32? {
        if case .exited(let status) = ending { status } else { nil }
    }

    package func json() throws -> JSONValue { try JSONValue(outputData) }
}

/// A running program in a session of its own, without a terminal, with its output in files.
///
/// Its process group is killed with its last reference. If the test process itself is killed, a shell that waits for
/// its end does the same.
package final class ChildProgram: Sendable {
    package let processIdentifier: Int32
    private let outputPath: String
    private let errorPath: String
    private let state: Mutex<State>

    private struct State {
        var ending: Ending?
        /// The write end of the guard's standard input, and the guard's process.
        var guardInput: Int32
        var guardProcess: Int32
    }

    /// Starts a program.
    ///
    /// - Parameters:
    ///   - environment: the program's whole environment.
    ///   - input: its standard input; empty by default.
    ///   - log: the path of its output files without extension.
    package init(
        _ executable: String, _ arguments: [String], environment: [String: String], input: String? = nil,
        folder: String, log: String
    ) throws {
        outputPath = "\(log).out"
        errorPath = "\(log).err"
        var inputPath = "/dev/null"
        if let input {
            inputPath = "\(log).in"
            try Data(input.utf8).write(to: URL(fileURLWithPath: inputPath))
        }
        // `env` and `setsid` replace themselves by the program, so the process number stays.
        processIdentifier = try ChildProgram.spawn(
            ["/usr/bin/env", "--chdir=\(folder)", "setsid", executable] + arguments, environment, input: inputPath,
            output: outputPath, errors: errorPath)
        let (guardProcess, guardInput) = try ChildProgram.startGuard(of: processIdentifier)
        state = Mutex(State(guardInput: guardInput, guardProcess: guardProcess))
    }

    deinit {
        kill()
    }

    /// The text on standard output so far.
    package var output: String { ChildProgram.text(outputPath) }

    /// The text on standard error so far.
    package var errors: String { ChildProgram.text(errorPath) }

    /// The way it ended; `nil` while it runs.
    package var ending: Ending? {
        state.withLock { state in
            guard state.ending == nil else { return state.ending }
            var status: Int32 = 0
            guard unsafe waitpid(processIdentifier, &status, WNOHANG) == processIdentifier else { return nil }
            let ending: Ending = status & 0x7F == 0 ? .exited(status >> 8 & 0xFF) : .killed(signal: status & 0x7F)
            state.ending = ending
            ChildProgram.dismissGuard(&state)
            return ending
        }
    }

    package func send(_ signal: Int32) {
        guard ending == nil else { return }
        _ = Glibc.kill(processIdentifier, signal)
    }

    /// Sends a signal to the program and all its children, as a terminal does.
    package func sendToGroup(_ signal: Int32) { _ = Glibc.kill(-processIdentifier, signal) }

    /// Waits for the program's end.
    package func finish(seconds: Int = 60) async throws -> FinishedProgram {
        let ending: Ending
        do {
            ending = try await eventually("the end of a program", seconds: seconds) { self.ending }
        } catch {
            throw TestFailure("\(error); standard error: \(errors)")
        }
        let data = (try? Data(contentsOf: URL(fileURLWithPath: outputPath))) ?? Data()
        return FinishedProgram(ending: ending, outputData: data, errors: errors)
    }

    /// Kills the program and its process group, and waits for the program's end.
    package func kill() {
        guard ending == nil else { return killRest() }
        _ = Glibc.kill(processIdentifier, SIGKILL)
        while ending == nil { usleep(1000) }
        killRest()
    }

    /// Kills the processes of the session that outlived the program.
    private func killRest() {
        for process in Processes.running(inSession: processIdentifier) { _ = Glibc.kill(process, SIGKILL) }
    }

    // MARK: Implementation

    private static func text(_ path: String) -> String {
        (try? Data(contentsOf: URL(fileURLWithPath: path))).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }

    /// Starts a shell that kills the process group when its input ends without a line.
    private static func startGuard(of process: Int32) throws -> (process: Int32, input: Int32) {
        var ends: [Int32] = [0, 0]
        guard unsafe pipe(&ends) == 0 else { throw TestFailure("pipe: errno \(errno)") }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        defer { close(ends[0]) }
        let script = "read -r line || kill -KILL -\(process)"
        let shell = try spawn(["/usr/bin/setsid", "/bin/sh", "-c", script], [:], input: ends[0])
        return (shell, ends[1])
    }

    private static func dismissGuard(_ state: inout State) {
        _ = unsafe write(state.guardInput, "\n", 1)
        close(state.guardInput)
        var status: Int32 = 0
        unsafe waitpid(state.guardProcess, &status, 0)
    }

    private static func spawn(
        _ arguments: [String], _ environment: [String: String], input: String, output: String, errors: String
    ) throws -> Int32 {
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        unsafe posix_spawn_file_actions_addopen(&actions, 0, input, O_RDONLY, 0)
        unsafe posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        unsafe posix_spawn_file_actions_addopen(&actions, 2, errors, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        return try unsafe spawn(arguments, environment, &actions)
    }

    private static func spawn(
        _ arguments: [String], _ environment: [String: String], input: Int32
    ) throws -> Int32 {
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        unsafe posix_spawn_file_actions_adddup2(&actions, input, 0)
        for descriptor: Int32 in 1...2 {
            unsafe posix_spawn_file_actions_addopen(&actions, descriptor, "/dev/null", O_WRONLY, 0)
        }
        return try unsafe spawn(arguments, environment, &actions)
    }

    private static func spawn(
        _ arguments: [String], _ environment: [String: String],
        _ actions: UnsafePointer<posix_spawn_file_actions_t>
    ) throws -> Int32 {
        var attributes = posix_spawnattr_t()
        unsafe posix_spawnattr_init(&attributes)
        defer { unsafe posix_spawnattr_destroy(&attributes) }
        // The test process may run with ignored or blocked signals.
        var signals = sigset_t()
        unsafe sigfillset(&signals)
        unsafe posix_spawnattr_setsigdefault(&attributes, &signals)
        unsafe sigemptyset(&signals)
        unsafe posix_spawnattr_setsigmask(&attributes, &signals)
        let flags = Int32(POSIX_SPAWN_SETSIGDEF) | Int32(POSIX_SPAWN_SETSIGMASK)
        unsafe posix_spawnattr_setflags(&attributes, Int16(flags))
        let variables = environment.map { "\($0)=\($1)" }
        var argumentPointers = unsafe arguments.map { unsafe strdup($0) } + [nil]
        var variablePointers = unsafe variables.map { unsafe strdup($0) } + [nil]
        defer { unsafe (argumentPointers + variablePointers).forEach { unsafe free($0) } }
        var process: Int32 = 0
        let code = unsafe posix_spawn(
            &process, arguments[0], actions, &attributes, &argumentPointers, &variablePointers)
        guard code == 0 else { throw TestFailure("\(arguments[0]) cannot be started: errno \(code)") }
        return process
    }
}

/// The processes of this machine.
package enum Processes {
    /// Returns the processes of a session, which a program started here has to itself, without zombies.
    package static func running(inSession session: Int32) -> [Int32] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return names.compactMap { Int32($0) }.filter { process in
            guard let fields = fields(process) else { return false }
            return fields[0] != "Z" && fields[3] == "\(session)"
        }
    }

    package static func isRunning(_ process: Int32) -> Bool {
        fields(process).map { $0[0] != "Z" } ?? false
    }

    /// Returns state, parent, group, session and so on: the fields behind the name in proc(5).
    private static func fields(_ process: Int32) -> [Substring]? {
        guard let data = FileManager.default.contents(atPath: "/proc/\(process)/stat") else { return nil }
        let text = String(decoding: data, as: UTF8.self)
        guard let end = text.lastIndex(of: ")") else { return nil }
        let fields = text[text.index(after: end)...].split(separator: " ")
        return fields.count > 3 ? fields : nil
    }
}
