import Dispatch
package import Logging
import SecamBase
import Synchronization

/// The audit log: every login, refusal and change of an account, as one JSON object per line in append-only files.
///
/// The log also goes to the logger, lockouts and revocations at level `notice`, other events at `info`.
///
/// Logins, logouts and changes have one file. Refusals and lockouts, which strangers cause, have another, so that they
/// cannot push logins out. In both, the lines that one network or user can cause are limited: the first events of ten
/// minutes have lines of their own, and the others are counted in one line with `count` and `since`. The first login of a
/// user from each network always has a line of its own.
///
/// Calls return at once, so that a slow disk does not delay an event loop.
package final class AuditLog: Sendable {
    /// Used on `writer` only.
    private struct Files: ~Copyable {
        var logins: AuditFile
        var refusals: AuditFile
    }

    private enum File: Sendable {
        case logins
        case refusals
    }

    private struct Budgets: Sendable {
        var logins = AuditSummaries(.logins)
        var refusals = AuditSummaries(.refusals)
    }

    package let path: String
    private let logger: Logger
    private let clock: @Sendable () -> ContinuousClock.Instant
    private let writer = DispatchQueue(label: "audit-log")
    private let pending = Atomic<Int>(0)
    private let lost = Atomic<Int>(0)
    private let isFailing = Atomic<Bool>(false)
    private let files: Mutex<Files>
    private let budgets = Mutex(Budgets())

    /// Maximum lines that wait for the disk. Further lines are lost, and their number is logged later.
    static let pendingLines = 10_000

    /// Opens or creates the log's files.
    ///
    /// - Parameters:
    ///   - path: the file of logins and changes.
    ///   - refusalsPath: the file of refusals and lockouts.
    ///   - maximumBytes: the size at which a file is rotated.
    ///   - keptFiles: the number of rotated files that are kept of each file.
    ///   - clock: the clock of the summaries.
    /// - Throws: `file` when a file cannot be opened or created.
    package init(
        path: String, refusalsPath: String, maximumBytes: Int = 8 << 20, keptFiles: Int = 9,
        clock: @escaping @Sendable () -> ContinuousClock.Instant = { .now }, logger: Logger
    ) throws(UsersError) {
        self.path = path
        self.logger = logger
        self.clock = clock
        files = Mutex(
            Files(
                logins: try AuditFile(path: path, maximumBytes: maximumBytes, keptFiles: keptFiles),
                refusals: try AuditFile(path: refusalsPath, maximumBytes: maximumBytes, keptFiles: keptFiles)))
    }

    /// Records an event.
    ///
    /// - Parameters:
    ///   - user: the name that the peer sent, unescaped.
    ///   - address: the peer's address, or where a change was made.
    ///   - network: the peer's network; by default the address. Refusals of one network share a budget, and each network
    ///     of a user's logins has a line.
    ///   - reason: one or a few words.
    package func record(
        _ event: AuditEvent, user: String, address: String, network: String? = nil, reason: String = ""
    ) {
        let time = WallClock.now
        writeSummariesIfDue()
        let network = network ?? address
        let (verdict, isNewWindow) = budgets.withLock { budgets in
            switch event.budget {
            case .none: (AuditSummaries.Verdict.line, false)
            case .network:
                (
                    budgets.refusals.record(
                        event, source: network, user: user, address: network, reason: reason, time: time),
                    budgets.refusals.startWindow(at: clock())
                )
            case .user:
                (
                    budgets.logins.record(
                        event, source: user, user: user, address: network, reason: reason, time: time),
                    budgets.logins.startWindow(at: clock())
                )
            }
        }
        if isNewWindow { scheduleSummaries() }
        guard verdict == .line else { return }
        log(event, user: user, address: address, reason: reason)
        let line = AuditLine.format(time: time, event: event, user: user, address: address, reason: reason)
        enqueue(line, to: event.budget == .network ? .refusals : .logins)
    }

    /// Waits until all recorded events, including the counted ones, are in the files. Blocks; not for event loops.
    package func flush() {
        writeSummaries { _ in true }
        writer.sync {}
    }

    private func log(_ event: AuditEvent, user: String, address: String, reason: String, count: Int = 1) {
        var metadata: Logger.Metadata = [
            "user": "\(JSONText.escaped(user))", "address": "\(JSONText.escaped(address))",
            "reason": "\(JSONText.escaped(reason))",
        ]
        if count > 1 { metadata["count"] = "\(count)" }
        let isNotable = event == .lockout || event == .revocation
        logger.log(level: isNotable ? .notice : .info, "\(event.rawValue)", metadata: metadata)
    }

    private func scheduleSummaries() {
        let (seconds, _) = AuditSummaries.window.components
        // One second more, because the clocks may differ.
        writer.asyncAfter(deadline: .now() + .seconds(Int(seconds) + 1)) { [weak self] in self?.writeSummariesIfDue() }
    }

    private func writeSummariesIfDue() {
        let now = clock()
        writeSummaries { $0.isOver(at: now) }
    }

    private func writeSummaries(where isDue: (AuditSummaries) -> Bool) {
        let (logins, refusals) = budgets.withLock { budgets in
            (
                isDue(budgets.logins) ? budgets.logins.takeSummaries() : [],
                isDue(budgets.refusals) ? budgets.refusals.takeSummaries() : []
            )
        }
        for (summaries, file) in [(logins, File.logins), (refusals, File.refusals)] {
            for summary in summaries {
                log(
                    summary.event, user: summary.user, address: summary.address, reason: summary.reason,
                    count: summary.count)
                enqueue(AuditLine.format(summary, time: WallClock.now), to: file)
            }
        }
    }

    private func enqueue(_ line: String, to file: File) {
        guard pending.add(1, ordering: .relaxed).newValue <= Self.pendingLines else {
            pending.subtract(1, ordering: .relaxed)
            lost.add(1, ordering: .relaxed)
            return
        }
        writer.async {
            self.append(line, to: file)
            self.pending.subtract(1, ordering: .relaxed)
        }
    }

    private func append(_ line: String, to file: File) {
        var text = line
        let missed = lost.exchange(0, ordering: .relaxed)
        if missed > 0 {
            text += AuditLine.format(
                time: WallClock.now, event: .refusal, user: "", address: "", reason: "\(missed) lines were lost")
        }
        do {
            try files.withLock { files throws(UsersError) in
                switch file {
                case .logins: try files.logins.append(text)
                case .refusals: try files.refusals.append(text)
                }
            }
            isFailing.store(false, ordering: .relaxed)
        } catch {
            lost.add(1 + missed, ordering: .relaxed)
            if !isFailing.exchange(true, ordering: .relaxed) {
                logger.error("audit log not writable, lines lost", metadata: ["reason": "\(error)"])
            }
        }
    }
}

extension AuditEvent {
    /// The events that share a limit on lines.
    fileprivate enum Budget {
        /// No limit, because only operators cause the event.
        case none
        /// The events of one network.
        case network
        /// The events of one user.
        case user
    }

    fileprivate var budget: Budget {
        switch self {
        case .refusal, .lockout: .network
        case .login, .logout: .user
        case .revocation, .userAdded, .userRemoved, .passwordChanged, .roleChanged, .rightsChanged, .userDisabled,
            .userEnabled, .sessionRevoked, .tokenAdded, .tokenRemoved, .secondFactorSet, .secondFactorRemoved,
            .secondFactorRequired, .secondFactorOptional:
            .none
        }
    }
}
