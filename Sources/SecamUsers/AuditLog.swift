import Dispatch
import Glibc
package import Logging
import Synchronization

/// Every login, refusal and change of an account, one JSON object a line, in append-only files; and through the logger
/// at `info`, lockouts and revocations at `notice`.
///
/// Logins, logouts and changes have one file; refusals and lockouts, which strangers cause, have another, so that no
/// number of them can push a login out. In each, the events that one network or user can cause are bounded: the first
/// ones of ten minutes have lines of their own, the others are counted in one line with `count` and `since`. The first
/// login of a user from each network has a line of its own in any case.
///
/// Calls return at once: a slow disk must not hold up an event loop.
package final class AuditLog: Sendable {
    /// The files. Used on `writer` only.
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

    /// Lines that may wait for the disk; those beyond it are counted, and their number is written when it has time.
    static let pendingLines = 10_000

    /// - Parameters:
    ///   - path: of logins and changes.
    ///   - refusalsPath: of refusals and lockouts.
    ///   - maximumBytes: of one file.
    ///   - keptFiles: old files that are kept besides, of each of the two.
    ///   - clock: by which summaries are due.
    /// - Throws: `file` when one cannot be opened or made.
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

    /// - Parameters:
    ///   - user: as the peer gave it; escaped here.
    ///   - address: of the peer, or where a change was made.
    ///   - network: of the peer, whose refusals share a budget, and by which logins are told apart; by default the
    ///     address.
    ///   - reason: one or a few words.
    package func record(
        _ event: AuditEvent, user: String, address: String, network: String? = nil, reason: String = ""
    ) {
        let time = Self.now()
        writeSummariesIfDue()
        let network = network ?? address
        let (verdict, begins) = budgets.withLock { budgets in
            switch event.budget {
            case .none: (AuditSummaries.Verdict.line, false)
            case .network:
                (
                    budgets.refusals.record(
                        event, source: network, user: user, address: network, reason: reason, time: time),
                    budgets.refusals.beginWindow(at: clock())
                )
            case .user:
                (
                    budgets.logins.record(
                        event, source: user, user: user, address: network, reason: reason, time: time),
                    budgets.logins.beginWindow(at: clock())
                )
            }
        }
        if begins { scheduleSummaries() }
        guard verdict == .line else { return }
        log(event, user: user, address: address, reason: reason)
        let line = AuditLine.format(time: time, event: event, user: user, address: address, reason: reason)
        enqueue(line, to: event.budget == .network ? .refusals : .logins)
    }

    /// Waits until everything recorded so far is in the files, with a summary of what was only counted. Not for event
    /// loops.
    package func flush() {
        writeSummaries { _ in true }
        writer.sync {}
    }

    private func log(_ event: AuditEvent, user: String, address: String, reason: String, count: Int = 1) {
        var metadata: Logger.Metadata = [
            "user": "\(AuditLine.escape(user))", "address": "\(AuditLine.escape(address))",
            "reason": "\(AuditLine.escape(reason))",
        ]
        if count > 1 { metadata["count"] = "\(count)" }
        let isNotable = event == .lockout || event == .revocation
        logger.log(level: isNotable ? .notice : .info, "\(event.rawValue)", metadata: metadata)
    }

    private func scheduleSummaries() {
        let (seconds, _) = AuditSummaries.window.components
        // A second more, since the clocks may differ.
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
                enqueue(AuditLine.format(summary, time: Self.now()), to: file)
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
                time: Self.now(), event: .refusal, user: "", address: "", reason: "\(missed) lines were lost")
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

    private static func now() -> Int64 {
        var now = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &now)
        return Int64(now.tv_sec) * 1_000_000 + Int64(now.tv_nsec) / 1_000
    }
}

extension AuditEvent {
    fileprivate enum Budget {
        /// Every event has a line: only an operator causes them.
        case none
        /// Shared by the events of one network.
        case network
        /// Shared by the events of one user.
        case user
    }

    fileprivate var budget: Budget {
        switch self {
        case .refusal, .lockout: .network
        case .login, .logout: .user
        case .revocation, .userAdded, .userRemoved, .passwordChanged, .roleChanged, .rightsChanged, .userDisabled,
            .userEnabled:
            .none
        }
    }
}
