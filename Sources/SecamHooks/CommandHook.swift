import SecamProcess
import SecamWire
import Subprocess

#if canImport(System)
    import System
#else
    import SystemPackage
#endif

/// Runs a program for an event. It finds the event in its environment: `SECAM_CAMERA`, `SECAM_KIND`, `SECAM_STATE` and,
/// as JSON, `SECAM_EVENT`.
enum CommandHook {
    /// - Throws: when it cannot be started, fails, or is not done in time; then it is ended.
    static func run(_ arguments: [String], _ occasion: HookOccasion, seconds: Double) async throws(HookFailure) {
        do {
            try await withThrowingTaskGroup(of: TerminationStatus?.self) { group in
                group.addTask { try await start(arguments, occasion) }
                group.addTask {
                    try await Task.sleep(for: .seconds(seconds))
                    return nil
                }
                let first = try await group.next() ?? nil
                group.cancelAll()
                switch first {
                case .exited(0): return
                case nil: throw HookFailure(description: "not done after \(seconds) s; it was ended", isPassing: false)
                case let status?: throw HookFailure(description: "\(arguments[0]) ended: \(status)", isPassing: false)
                }
            }
        } catch let failure as HookFailure {
            throw failure
        } catch is CancellationError {
            throw HookFailure(description: "the gateway stops", isPassing: false)
        } catch {
            throw HookFailure(description: "\(arguments[0]) cannot be run: \(error)", isPassing: false)
        }
    }

    private static func start(_ arguments: [String], _ occasion: HookOccasion) async throws -> TerminationStatus {
        var options = PlatformOptions()
        options.teardownSequence = [
            .gracefulShutDown(toProcessGroup: true, allowedDurationToNextStep: .milliseconds(500))
        ]
        // A group of its own, so that what it started ends with it.
        options.processGroupID = 0
        let result = try await Subprocess.run(
            .path(FilePath(arguments[0])), arguments: Arguments(Array(arguments.dropFirst())),
            environment: environment(occasion), platformOptions: options, input: .none, output: .discarded,
            error: .discarded)
        return result.terminationStatus
    }

    /// Nothing of the gateway's own environment but what programs need to be found.
    private static func environment(_ occasion: HookOccasion) -> Environment {
        .custom([
            "PATH": ProgramEnvironment.variables["PATH"] ?? "/usr/local/bin:/usr/bin:/bin",
            "SECAM_CAMERA": occasion.camera?.text ?? "", "SECAM_KIND": occasion.kind,
            "SECAM_STATE": "\(occasion.state)", "SECAM_EVENT": occasion.json,
        ])
    }
}
