/// A budget of login attempts.
struct BudgetPolicy: Sendable {
    /// Attempts of a full budget.
    let burst: Int
    /// Time in which one attempt comes back.
    let interval: Duration

    /// Strangers' attempts on one user, from all networks. Any stranger can exhaust this budget for the user, so it must
    /// refill soon.
    static let user = BudgetPolicy(burst: 30, interval: .seconds(10))
    /// Strangers' attempts from one network, on all users.
    static let network = BudgetPolicy(burst: 20, interval: .seconds(60))
}

/// A table of budgets by key, in bounded memory.
///
/// Each budget is stored as the instant at which it is full again: one word per key, and waits and refunds are exact.
struct BudgetTable<Key: Hashable & Sendable>: Sendable {
    typealias Instant = LoginGuard.Instant

    private let policy: BudgetPolicy
    private let capacity: Int
    /// When each key's budget is full again.
    private var fullAt: [Key: Instant] = [:]
    /// The budget that all keys without an entry share.
    private var overflow: Instant?

    init(policy: BudgetPolicy, capacity: Int) {
        precondition(capacity > 1, "BudgetTable: capacity out of range")
        self.policy = policy
        self.capacity = capacity
    }

    var count: Int { fullAt.count }

    /// Returns the time until the key's next attempt; zero if it is allowed now.
    func wait(_ key: Key, at now: Instant) -> Duration {
        wait(until: fullAt[key] ?? overflow ?? now, at: now)
    }

    private func wait(until full: Instant, at now: Instant) -> Duration {
        max(.zero, now.duration(to: full) - policy.interval * (policy.burst - 1))
    }

    mutating func charge(_ key: Key, at now: Instant) {
        if fullAt[key] == nil, fullAt.count >= capacity { makeRoom(at: now) }
        let isListed = fullAt[key] != nil || fullAt.count < capacity
        let full = max(now, (isListed ? fullAt[key] : overflow) ?? now).advanced(by: policy.interval)
        if isListed { fullAt[key] = full } else { overflow = full }
    }

    /// Gives one attempt back.
    mutating func refund(_ key: Key, at now: Instant) {
        guard let full = fullAt[key] ?? overflow else { return }
        let earlier = full.advanced(by: .zero - policy.interval)
        let isFull = earlier <= now
        if fullAt[key] != nil { fullAt[key] = isFull ? nil : earlier } else { overflow = isFull ? nil : earlier }
    }

    /// Shrinks the table to half: drops full budgets first, then the fullest ones. Exhausted budgets stay.
    private mutating func makeRoom(at now: Instant) {
        fullAt = fullAt.filter { $0.value > now }
        if let shared = overflow, shared <= now { overflow = nil }
        guard fullAt.count > capacity / 2 else { return }
        let harmless = fullAt.filter { wait(until: $0.value, at: now) == .zero }.sorted { $0.value < $1.value }
        for (key, _) in harmless.prefix(fullAt.count - capacity / 2) { fullAt[key] = nil }
    }
}
