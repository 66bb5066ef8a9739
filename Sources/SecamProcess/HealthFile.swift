import Glibc
package import SecamBase

/// Where a running service says each second how it is, for a health check in another process: the service's container
/// has nothing else to ask.
///
/// A file of one word. It is written by the thread that does the work, so that a service which hangs falls silent.
package struct HealthFile: Sendable {
    package enum State: String, Sendable, Equatable {
        /// Everything is as it should be.
        case ready
        /// The service runs, but has not found the registry, or has lost it.
        case alone
    }

    /// Seconds after which a word is old.
    static let patience: Int64 = 10

    private let path: String
    private var written: (state: State, at: MonotonicTime)?

    /// The one that `SECAM_HEALTH_FILE` names; `nil` when it names none.
    package static var ours: HealthFile? { ProgramEnvironment.variables["SECAM_HEALTH_FILE"].map(HealthFile.init) }

    package init(_ path: String) { self.path = path }

    /// Writes the state when it is another one, or a second has gone by. A disk that is full costs the health, not the
    /// service.
    package mutating func note(_ state: State, now: MonotonicTime) {
        if let written, written.state == state, now.since(written.at) < 1_000_000 { return }
        written = (state, now)
        // Whoever asks meanwhile must find the old word or the new one, not an empty file.
        let fresh = path + ".new"
        let descriptor = unsafe open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { return }
        var line = state.rawValue + "\n"
        let count = line.withUTF8 { unsafe write(descriptor, $0.baseAddress, $0.count) }
        close(descriptor)
        guard count == line.utf8.count else { return }
        _ = unsafe rename(fresh, path)
    }

    /// What the service said last.
    ///
    /// - Throws: when it has said nothing for ten seconds, or nothing at all.
    package func read() throws(HealthProblem) -> State {
        let text: String?
        do throws(SecretFile.Failure) { text = try SecretFile.readIfThere(path) } catch {
            throw HealthProblem(description: error.description)
        }
        guard let text else { throw HealthProblem(description: "\(path): nothing was written there yet") }
        var status = stat()
        guard unsafe stat(path, &status) == 0, let state = State(rawValue: String(text.prefix { $0 != "\n" })) else {
            throw HealthProblem(description: "\(path): is no health file")
        }
        let age = WallClock.now / 1_000_000 - Int64(status.st_mtim.tv_sec)
        guard age <= HealthFile.patience else {
            throw HealthProblem(description: "the service has said nothing for \(age) s")
        }
        return state
    }
}

/// Why a service is not healthy.
package struct HealthProblem: ProgramError, Equatable {
    package let description: String

    package var exitStatus: ExitStatus { .unavailable }
}
