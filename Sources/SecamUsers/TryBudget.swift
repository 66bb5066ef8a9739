/// How many tries a key has at once, and how long one takes to come back.
struct BudgetPolicy: Sendable {
    let burst: Int
    let interval: Duration

    /// Strangers' tries on one user, wherever from. A bound that anybody can reach for somebody else has to let tries
    /// through soon again.
    static let user = BudgetPolicy(burst: 30, interval: .seconds(10))
    /// Tries by strangers of one network, whatever the names.
    static let network = BudgetPolicy(burst: 20, interval: .seconds(60))
}

/// Counts tries by key against a budget that refills with time, in bounded memory.
struct BudgetTable<Key: Hashable & Sendable>: Sendable {
    typealias Instant = LoginGuard.Instant

    private let policy: BudgetPolicy
    private let capacity: Int
    /// When each key's budget is full again.
    private var fullAt: [Key: Instant] = [:]
    /// Shared by all keys that found no place.
    private var overflow: Instant?

    init(policy: BudgetPolicy, capacity: Int) {
        precondition(capacity > 1, "BudgetTable: capacity out of range")
        self.policy = policy
        self.capacity = capacity
    }

    var count: Int { fullAt.count }

    /// How long the key's next try has to wait, zero for not at all.
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

    /// Takes one charge back.
    mutating func refund(_ key: Key, at now: Instant) {
        guard let full = fullAt[key] ?? overflow else { return }
        let earlier = full.advanced(by: .zero - policy.interval)
        let isFull = earlier <= now
        if fullAt[key] != nil { fullAt[key] = isFull ? nil : earlier } else { overflow = isFull ? nil : earlier }
    }

    /// Budgets that are full go first, then those that miss least, down to half of the table; one that is used up stays.
    private mutating func makeRoom(at now: Instant) {
        fullAt = fullAt.filter { $0.value > now }
        if let shared = overflow, shared <= now { overflow = nil }
        guard fullAt.count > capacity / 2 else { return }
        let harmless = fullAt.filter { wait(until: $0.value, at: now) == .zero }.sorted { $0.value < $1.value }
        for (key, _) in harmless.prefix(fullAt.count - capacity / 2) { fullAt[key] = nil }
    }
}
