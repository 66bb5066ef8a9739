import SecamProcess
import SecamWire
import Subprocess

#if canImport(System)
    import System
#else
    import SystemPackage
#endif

/// Runs a program for an event. The program's environment describes the event: `SECAM_CAMERA`, `SECAM_KIND`,
/// `SECAM_STATE` and, as JSON, `SECAM_EVENT`.
enum CommandHook {
    /// Runs a program and waits for its exit.
    ///
    /// - Throws: when the program cannot be started, fails, or runs for longer than the timeout, which terminates it.
    static func run(_ arguments: [String], _ event: HookEvent, timeout: Duration) async throws(HookFailure) {
        let program = arguments[0]
        do {
            try await withThrowingTaskGroup(of: TerminationStatus?.self) { group in
                group.addTask { try await start(arguments, event) }
                group.addTask {
                    try await Task.sleep(for: timeout)
                    return nil
                }
                let first = try await group.next() ?? nil
                group.cancelAll()
                switch first {
                case .exited(0): return
                case nil:
                    throw HookFailure(
                        description: "\(program) timed out after \(timeout / .seconds(1)) s and was terminated",
                        isTransient: false)
                case let status?:
                    throw HookFailure(description: "\(program) failed: \(status)", isTransient: false)
                }
            }
        } catch let failure as HookFailure {
            throw failure
        } catch is CancellationError {
            throw HookFailure(description: "the gateway is stopping", isTransient: false)
        } catch {
            throw HookFailure(description: "cannot run \(program): \(error)", isTransient: false)
        }
    }

    private static func start(_ arguments: [String], _ event: HookEvent) async throws -> TerminationStatus {
        var options = PlatformOptions()
        options.teardownSequence = [
            .gracefulShutDown(toProcessGroup: true, allowedDurationToNextStep: .milliseconds(500))
        ]
        // A process group of its own, so that the program's children end with it.
        options.processGroupID = 0
        let result = try await Subprocess.run(
            .path(FilePath(arguments[0])), arguments: Arguments(Array(arguments.dropFirst())),
            environment: environment(event), platformOptions: options, input: .none, output: .discarded,
            error: .discarded)
        return result.terminationStatus
    }

    /// Returns the event and `PATH`. The gateway's own environment may hold secrets, so that nothing else is inherited.
    private static func environment(_ event: HookEvent) -> Environment {
        .custom([
            "PATH": ProgramEnvironment.variables["PATH"] ?? "/usr/local/bin:/usr/bin:/bin",
            "SECAM_CAMERA": event.camera?.text ?? "", "SECAM_KIND": event.kind,
            "SECAM_STATE": "\(event.state)", "SECAM_EVENT": event.json,
        ])
    }
}
