import Dispatch
import Logging
import NIOCore
import SecamUsers
import Synchronization

/// Looks at the accounts again and again, since the `secam user` command changes them in a process of its own, and
/// tells the event loops. SQLite is not called on an event loop: it may wait for the disk.
final class AccountsWatch: Sendable {
    private struct State {
        var counter: Int64?
        var isLooking = false
        var isFailing = false
    }

    private let users: UserStore
    private let authenticator: Authenticator
    private let loops: [EventLoopMailbox]
    private let logger: Logger
    private let state = Mutex(State())

    init(users: UserStore, authenticator: Authenticator, loops: [EventLoopMailbox], logger: Logger) {
        self.users = users
        self.authenticator = authenticator
        self.loops = loops
        self.logger = logger
    }

    func start(every interval: TimeAmount) {
        loops[0].schedule(in: interval) {
            self.look()
            self.start(every: interval)
        }
    }

    private func look() {
        let mayLook = state.withLock { state in
            defer { state.isLooking = true }
            return !state.isLooking
        }
        guard mayLook else { return }
        DispatchQueue.global(qos: .utility).async {
            self.readAccounts()
            self.state.withLock { $0.isLooking = false }
        }
    }

    private func readAccounts() {
        do throws(UsersError) {
            let known = state.withLock { $0.counter }
            guard try users.changeCounter() != known else { return }
            let (list, counter) = try users.snapshot()
            // Devices of a user whose password was changed are forgotten, and so is a user who was removed.
            try authenticator.reloadEarlierLogins()
            let accounts = Accounts(
                users: Dictionary(list.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first }),
                counter: counter)
            state.withLock { state in
                state.counter = counter
                state.isFailing = false
            }
            for loop in loops { loop.withTable { $0.update(accounts: accounts) } }
        } catch {
            let isNew = state.withLock { state in
                defer { state.isFailing = true }
                return !state.isFailing
            }
            if isNew {
                logger.error(
                    "the accounts cannot be read; sessions go on with what is known", metadata: ["reason": "\(error)"])
            }
        }
    }
}
