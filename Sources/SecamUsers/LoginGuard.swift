/// Slows down password guessing without letting an attacker lock the real user out. Pure: time is an argument.
///
/// An attempt is judged by its strongest evidence alone:
///
/// - *A device token* of this user: only failed attempts with the same token count, whatever others guess from the same
///   address or elsewhere. A locked token, which may be a stolen one, is no evidence; its owner is judged by the network.
/// - *A known network* of this user: only failed attempts on this user from there count, and a lock lasts at most a
///   minute.
/// - *The gateway's own host*: the same, in a separate table, because any number of names can be tried there.
/// - *A stranger* is locked by user and network: for 1 s from the third failure in a row on, then twice as long each time,
///   up to 15 minutes. In addition, all strangers of one network share a budget, against trying one password on many
///   users, and all strangers who try one user share a budget, against guessing from many addresses. A success refunds
///   only its own attempt. Otherwise an attacker could log into an own account in between to refill the budget.
///
/// An attempt is charged before its check and refunded on success. Otherwise a hundred concurrent attempts would all be
/// checked before the first is known to have failed. Denied attempts are not charged. Names without an account are treated
/// like all others, so that nothing here reveals whether an account exists.
///
/// The tables are bounded. Entries without a lock are dropped first, locks an hour after their end, and locks in force
/// never. While a table is full of locks, new keys do not share a lock, which each of them could prolong for all others.
/// Instead the two budgets limit strangers, and one attempt every ten seconds limits all others together.
package struct LoginGuard: Sendable {
    package typealias Instant = ContinuousClock.Instant

    /// The origin of an attempt.
    struct Origin: Hashable, Sendable {
        let user: String
        /// The part of the address that a peer cannot change at will: an IPv4 address, or an IPv6 network of 64 bits.
        let network: String
        /// Whether the peer runs on the gateway's own host.
        var isHost = false
        /// The hash of the attempt's device token, if any.
        var device: String?
    }

    enum Evidence: Sendable, Equatable {
        case device
        case known
        case host
        case stranger
    }

    /// An admitted attempt. Exactly one of `recordSuccess`, `recordFailure` and `withdraw` must follow.
    struct Attempt: Sendable {
        let origin: Origin
        /// The evidence by which the attempt was charged.
        let evidence: Evidence
    }

    enum Verdict: Sendable {
        case admitted(Attempt)
        /// No attempt is possible for this time.
        case locked(Duration)
    }

    struct UserNetwork: Hashable, Sendable {
        let user: String
        let network: String
    }

    struct Device: Hashable, Sendable {
        let user: String
        let hash: String
    }

    /// The networks and devices from which users have logged in.
    var earlier = EarlierLogins()
    private var strangers: FailureTable<UserNetwork>
    private var known: FailureTable<UserNetwork>
    /// Attempts from the host, by user.
    private var host: FailureTable<String>
    private var devices: FailureTable<Device>
    private var networks: BudgetTable<String>
    private var users: BudgetTable<String>

    /// - Parameter capacity: maximum entries of each table, about 100 bytes each.
    package init(capacity: Int = 8192) {
        strangers = FailureTable(policy: .stranger, capacity: capacity, overflowInterval: .zero)
        known = FailureTable(policy: .known, capacity: capacity)
        host = FailureTable(policy: .known, capacity: capacity)
        devices = FailureTable(policy: .device, capacity: capacity)
        networks = BudgetTable(policy: .network, capacity: capacity)
        users = BudgetTable(policy: .user, capacity: capacity)
    }

    /// Returns the strongest evidence of an attempt.
    func evidence(of origin: Origin, at now: Instant) -> Evidence {
        if let device = origin.device, earlier.knows(origin.user, device: device),
            devices.wait(Self.device(origin), at: now) == .zero
        {
            return .device
        }
        if origin.isHost { return .host }
        return earlier.knows(origin.user, network: origin.network) ? .known : .stranger
    }

    /// Admits and charges an attempt, unless a lock or an exhausted budget denies it.
    mutating func admit(_ origin: Origin, at now: Instant) -> Verdict {
        let attempt = Attempt(origin: origin, evidence: evidence(of: origin, at: now))
        let wait = wait(attempt, at: now)
        guard wait == .zero else { return .locked(wait) }
        let userNetwork = UserNetwork(user: origin.user, network: origin.network)
        switch attempt.evidence {
        case .device: devices.charge(Self.device(origin), at: now)
        case .known: known.charge(userNetwork, at: now)
        case .host: host.charge(origin.user, at: now)
        case .stranger:
            strangers.charge(userNetwork, at: now)
            networks.charge(origin.network, at: now)
            users.charge(origin.user, at: now)
        }
        return .admitted(attempt)
    }

    /// Ends a failed attempt.
    ///
    /// - Returns: the time until the next attempt; zero if it is allowed now.
    mutating func recordFailure(of attempt: Attempt, at now: Instant) -> Duration {
        wait(attempt.origin, at: now)
    }

    /// Ends a successful attempt: refunds it and clears the failures before it.
    mutating func recordSuccess(of attempt: Attempt, at now: Instant) {
        withdraw(attempt, at: now)
        let userNetwork = UserNetwork(user: attempt.origin.user, network: attempt.origin.network)
        switch attempt.evidence {
        case .device: devices.clear(Self.device(attempt.origin))
        case .known: known.clear(userNetwork)
        case .host: host.clear(userNetwork.user)
        case .stranger: strangers.clear(userNetwork)
        }
    }

    /// Refunds an attempt that was not checked, because the accounts could not be read.
    mutating func withdraw(_ attempt: Attempt, at now: Instant) {
        let userNetwork = UserNetwork(user: attempt.origin.user, network: attempt.origin.network)
        switch attempt.evidence {
        case .device: devices.refund(Self.device(attempt.origin))
        case .known: known.refund(userNetwork)
        case .host: host.refund(userNetwork.user)
        case .stranger:
            strangers.refund(userNetwork)
            networks.refund(attempt.origin.network, at: now)
            users.refund(attempt.origin.user, at: now)
        }
    }

    /// Returns the time until an attempt is admitted; zero if it is admitted now.
    func wait(_ origin: Origin, at now: Instant) -> Duration {
        let wait = wait(Attempt(origin: origin, evidence: evidence(of: origin, at: now)), at: now)
        guard let device = origin.device, earlier.knows(origin.user, device: device) else { return wait }
        return min(wait, devices.wait(Self.device(origin), at: now))
    }

    private func wait(_ attempt: Attempt, at now: Instant) -> Duration {
        let userNetwork = UserNetwork(user: attempt.origin.user, network: attempt.origin.network)
        switch attempt.evidence {
        case .device: return devices.wait(Self.device(attempt.origin), at: now)
        case .known: return known.wait(userNetwork, at: now)
        case .host: return host.wait(userNetwork.user, at: now)
        case .stranger:
            return max(
                strangers.wait(userNetwork, at: now), networks.wait(userNetwork.network, at: now),
                users.wait(userNetwork.user, at: now))
        }
    }

    private static func device(_ origin: Origin) -> Device { Device(user: origin.user, hash: origin.device ?? "") }

    /// The number of entries of all tables together.
    var entryCount: Int {
        strangers.count + known.count + host.count + devices.count + networks.count + users.count
    }
}

/// A policy of locks after failed attempts.
struct LockPolicy: Sendable {
    /// The first failure in a row that causes a lock.
    let threshold: Int
    let maximum: Duration

    /// For a user from one network.
    static let stranger = LockPolicy(threshold: 3, maximum: .seconds(15 * 60))
    /// For a user from a known network, or from the host. Other peers there can cause this lock too, hence it is
    /// short.
    static let known = LockPolicy(threshold: 3, maximum: .seconds(60))
    /// For a user with a device token. Only a holder of the token can cause this lock.
    static let device = LockPolicy(threshold: 3, maximum: .seconds(15 * 60))

    /// How long an entry is kept after the end of its lock.
    static let retention = Duration.seconds(60 * 60)

    /// Returns the length of the lock: 1, 2, 4, … seconds from the threshold on.
    func lock(after failures: Int) -> Duration {
        guard failures >= threshold else { return .zero }
        let doublings = min(failures - threshold, 20)
        return min(.seconds(1 << doublings), maximum)
    }
}

/// A table of failed attempts and locks by key, in bounded memory.
struct FailureTable<Key: Hashable & Sendable>: Sendable {
    private struct Entry {
        var failures = 0
        /// The end of the lock, or the time of the last failure when there is no lock.
        var until: LoginGuard.Instant
    }

    private let policy: LockPolicy
    private let capacity: Int
    private let overflowInterval: Duration
    private var entries: [Key: Entry] = [:]
    /// When the next attempt of a key without a place is allowed.
    private var overflowUntil: LoginGuard.Instant?

    /// - Parameter overflowInterval: time between two attempts of all keys without an entry together. Zero where a budget
    ///   limits these attempts.
    init(policy: LockPolicy, capacity: Int, overflowInterval: Duration = .seconds(10)) {
        precondition(capacity > 1, "FailureTable: capacity out of range")
        self.policy = policy
        self.capacity = capacity
        self.overflowInterval = overflowInterval
    }

    var count: Int { entries.count }

    func wait(_ key: Key, at now: LoginGuard.Instant) -> Duration {
        guard let until = entries[key]?.until ?? (entries.count < capacity ? nil : overflowUntil) else { return .zero }
        return max(.zero, now.duration(to: until))
    }

    mutating func charge(_ key: Key, at now: LoginGuard.Instant) {
        if entries[key] == nil, entries.count >= capacity { makeRoom(at: now) }
        guard entries[key] != nil || entries.count < capacity else {
            overflowUntil = now.advanced(by: overflowInterval)
            return
        }
        var entry = entries[key] ?? Entry(until: now)
        if entry.until.advanced(by: LockPolicy.retention) < now { entry.failures = 0 }
        entry.failures += 1
        entry.until = max(entry.until, now.advanced(by: policy.lock(after: entry.failures)))
        entries[key] = entry
    }

    /// Takes one failure back, with the lock that it caused.
    mutating func refund(_ key: Key) {
        guard var entry = entries[key] else {
            overflowUntil = nil
            return
        }
        entry.until = entry.until.advanced(by: .zero - policy.lock(after: entry.failures))
        entry.failures -= 1
        entries[key] = entry.failures == 0 ? nil : entry
    }

    mutating func clear(_ key: Key) {
        entries[key] = nil
    }

    /// Shrinks the table to half, so that the cost per attempt stays small in a flood of names.
    private mutating func makeRoom(at now: LoginGuard.Instant) {
        entries = entries.filter { $0.value.until.advanced(by: LockPolicy.retention) >= now }
        guard entries.count > capacity / 2 else { return }
        let harmless = entries.filter { $0.value.failures < policy.threshold }
            .sorted { ($0.value.failures, $0.value.until) < ($1.value.failures, $1.value.until) }
        for (key, _) in harmless.prefix(entries.count - capacity / 2) { entries[key] = nil }
    }
}
