import Glibc
package import SecamBase

/// A file in which a running service reports its state every second, for a health check in another process.
///
/// The file holds one word. The thread that does the work writes it, so a service that hangs falls silent.
package struct HealthFile: Sendable {
    package enum State: String, Sendable, Equatable {
        /// The service is fully operational.
        case ready
        /// The service runs but is not connected to the registry.
        case alone
    }

    /// Age after which a report is outdated.
    private static let timeout = Duration.seconds(10)
    /// Interval at which an unchanged state is written again.
    private static let interval = Duration.seconds(1)

    private let path: String
    private var written: (state: State, at: MonotonicTime)?

    /// The file named by `SECAM_HEALTH_FILE`; `nil` without it.
    package static var configured: HealthFile? {
        ProgramEnvironment.variables["SECAM_HEALTH_FILE"].map(HealthFile.init)
    }

    package init(_ path: String) { self.path = path }

    /// Writes the state when it has changed or a second has passed. A full disk makes the service look unhealthy but
    /// does not stop it.
    package mutating func record(_ state: State, now: MonotonicTime) {
        if let written, written.state == state, now - written.at < HealthFile.interval { return }
        written = (state, now)
        // A reader must find the old word or the new one, never an empty file.
        do throws(SystemError) {
            let file = try PendingFile(for: path, permissions: 0o600)
            try file.write(Array("\(state.rawValue)\n".utf8))
            try file.replace()
        } catch {
            // The report grows old, and the service looks unhealthy.
        }
    }

    /// Returns the service's last report.
    ///
    /// - Throws: when there is no report or it is older than ten seconds.
    package func read() throws(HealthProblem) -> State {
        let text: String?
        do throws(SecretFile.Failure) { text = try SecretFile.readIfThere(path) } catch {
            throw HealthProblem(description: error.description)
        }
        guard let text else { throw HealthProblem(description: "\(path): the service has not reported yet") }
        var status = stat()
        guard unsafe stat(path, &status) == 0, let state = State(rawValue: String(text.prefix { $0 != "\n" })) else {
            throw HealthProblem(description: "\(path): is not a health file")
        }
        let age = Duration.seconds(WallClock.now / 1_000_000 - Int64(status.st_mtim.tv_sec))
        guard age <= HealthFile.timeout else {
            throw HealthProblem(description: "the service has not reported for \(age.components.seconds) s")
        }
        return state
    }
}

/// The reason why a service is unhealthy.
package struct HealthProblem: ProgramError, Equatable {
    package let description: String

    package var exitStatus: ExitStatus { .unavailable }
}
