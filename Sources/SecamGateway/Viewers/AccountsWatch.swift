import Dispatch
import Logging
import NIOCore
import SecamUsers
import Synchronization

/// Polls the accounts for changes by the `secam user` command, which is a process of its own, and hands them to the event
/// loops.
///
/// SQLite runs on a thread of its own because it may wait for the disk.
final class AccountsWatch: Sendable {
    private struct State {
        var counter: Int64?
        var isRefreshing = false
        var isFailing = false
    }

    private let users: UserStore
    private let authenticator: Authenticator
    private let sessions: SessionStore?
    private let loops: [EventLoopMailbox]
    private let logger: Logger
    private let state = Mutex(State())

    init(
        users: UserStore, authenticator: Authenticator, sessions: SessionStore?, loops: [EventLoopMailbox],
        logger: Logger
    ) {
        self.users = users
        self.authenticator = authenticator
        self.sessions = sessions
        self.loops = loops
        self.logger = logger
    }

    func start(every interval: TimeAmount) {
        loops[0].schedule(in: interval) {
            self.refresh()
            self.start(every: interval)
        }
    }

    private func refresh() {
        let mayRefresh = state.withLock { state in
            defer { state.isRefreshing = true }
            return !state.isRefreshing
        }
        guard mayRefresh else { return }
        DispatchQueue.global(qos: .utility).async {
            self.readAccounts()
            self.state.withLock { $0.isRefreshing = false }
        }
    }

    private func readAccounts() {
        do throws(UsersError) {
            let known = state.withLock { $0.counter }
            guard try users.changeCounter() != known else { return }
            let (list, counter) = try users.snapshot()
            // A changed password ends the user's device tokens, and so does the user's removal.
            try authenticator.reloadEarlierLogins()
            try sessions?.reload()
            let accounts = Accounts(
                users: Dictionary(list.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first }),
                counter: counter)
            state.withLock { state in
                state.counter = counter
                state.isFailing = false
            }
            for loop in loops { loop.withViewers { $0.update(accounts: accounts) } }
        } catch {
            let isNew = state.withLock { state in
                defer { state.isFailing = true }
                return !state.isFailing
            }
            if isNew {
                logger.error(
                    "accounts not readable, last known accounts stay in force", metadata: ["reason": "\(error)"])
            }
        }
    }
}
