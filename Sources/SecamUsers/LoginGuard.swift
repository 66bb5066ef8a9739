/// Slows down guessing of passwords, without letting a guesser lock the real user out. Pure: time is an argument.
///
/// A try is judged by the strongest evidence that it brings, and by that alone:
///
/// - *A device token* of this user: only wrong tries with the same token count, whoever guesses elsewhere or behind the
///   same address. A token that is locked, as one that was stolen may be, is no evidence: its owner is judged by the
///   network.
/// - *An accustomed network* of this user: only wrong tries on this user from there count, and a lock lasts a minute at
///   most.
/// - *The gateway's own host*: the same, in a table apart, since there any number of names can be tried.
/// - *A stranger* is locked hard by user and network: from the 3rd wrong try in a row on 1 s, then twice as long each
///   time, up to 15 minutes. Besides, all strangers of one network share a budget of tries, against trying one password
///   on many users, and all strangers who try one user share another, against guessing from many addresses. A success
///   gives back its own try and no other, else an attacker would log into an account of his own in between.
///
/// A try counts as wrong from the start of its check and is given back when it turns out right. Else a hundred at the
/// same moment would all be checked before the first of them is known to be wrong. Tries that are refused do not
/// count. Names without an account are treated like any other, hence nothing here tells whether there is one.
///
/// The tables are bounded. Entries that never came to a lock are forgotten first, old locks an hour after they ended,
/// and a lock never before that. While a table is full of locks, newcomers share no lock, which each of them could
/// prolong for all others: strangers are bounded by the two budgets alone, the others by one try every ten seconds.
package struct LoginGuard: Sendable {
    package typealias Instant = ContinuousClock.Instant

    /// Where a try comes from.
    struct Origin: Hashable, Sendable {
        let user: String
        /// What one peer cannot change at will: an IPv4 address, or an IPv6 network of 64 bits.
        let network: String
        /// The gateway's own host.
        var isHost = false
        /// The hash of the token that came with it, if any.
        var device: String?
    }

    enum Evidence: Sendable, Equatable {
        case device
        case accustomed
        case host
        case stranger
    }

    /// A try that was let through; exactly one of `succeeded`, `failed` and `withdrawn` ends it.
    struct Attempt: Sendable {
        let origin: Origin
        /// By which it was charged.
        let evidence: Evidence
    }

    enum Verdict: Sendable {
        case proceed(Attempt)
        /// No try is possible before this time is over.
        case locked(Duration)
    }

    struct Place: Hashable, Sendable {
        let user: String
        let network: String
    }

    struct Device: Hashable, Sendable {
        let user: String
        let hash: String
    }

    /// From where users logged in before.
    var earlier = EarlierLogins()
    private var strangers: FailureTable<Place>
    private var accustomed: FailureTable<Place>
    /// By user.
    private var host: FailureTable<String>
    private var devices: FailureTable<Device>
    private var networks: BudgetTable<String>
    private var users: BudgetTable<String>

    /// - Parameter capacity: entries of each table; about 100 bytes each.
    package init(capacity: Int = 8192) {
        strangers = FailureTable(policy: .stranger, capacity: capacity, overflowInterval: .zero)
        accustomed = FailureTable(policy: .accustomed, capacity: capacity)
        host = FailureTable(policy: .accustomed, capacity: capacity)
        devices = FailureTable(policy: .device, capacity: capacity)
        networks = BudgetTable(policy: .network, capacity: capacity)
        users = BudgetTable(policy: .user, capacity: capacity)
    }

    func evidence(of origin: Origin, at now: Instant) -> Evidence {
        if let device = origin.device, earlier.knows(origin.user, device: device),
            devices.wait(Self.device(origin), at: now) == .zero
        {
            return .device
        }
        if origin.isHost { return .host }
        return earlier.knows(origin.user, network: origin.network) ? .accustomed : .stranger
    }

    /// Asks leave for one try.
    mutating func begin(_ origin: Origin, at now: Instant) -> Verdict {
        let attempt = Attempt(origin: origin, evidence: evidence(of: origin, at: now))
        let wait = wait(attempt, at: now)
        guard wait == .zero else { return .locked(wait) }
        let place = Place(user: origin.user, network: origin.network)
        switch attempt.evidence {
        case .device: devices.charge(Self.device(origin), at: now)
        case .accustomed: accustomed.charge(place, at: now)
        case .host: host.charge(origin.user, at: now)
        case .stranger:
            strangers.charge(place, at: now)
            networks.charge(origin.network, at: now)
            users.charge(origin.user, at: now)
        }
        return .proceed(attempt)
    }

    /// - Returns: how long the next try must wait, zero for not at all.
    mutating func failed(_ attempt: Attempt, at now: Instant) -> Duration {
        wait(attempt.origin, at: now)
    }

    mutating func succeeded(_ attempt: Attempt, at now: Instant) {
        withdrawn(attempt, at: now)
        let place = Place(user: attempt.origin.user, network: attempt.origin.network)
        switch attempt.evidence {
        case .device: devices.clear(Self.device(attempt.origin))
        case .accustomed: accustomed.clear(place)
        case .host: host.clear(place.user)
        case .stranger: strangers.clear(place)
        }
    }

    /// The try was never checked, for lack of time or because the accounts could not be read.
    mutating func withdrawn(_ attempt: Attempt, at now: Instant) {
        let place = Place(user: attempt.origin.user, network: attempt.origin.network)
        switch attempt.evidence {
        case .device: devices.refund(Self.device(attempt.origin))
        case .accustomed: accustomed.refund(place)
        case .host: host.refund(place.user)
        case .stranger:
            strangers.refund(place)
            networks.refund(attempt.origin.network, at: now)
            users.refund(attempt.origin.user, at: now)
        }
    }

    /// How long a try must wait, zero for not at all.
    func wait(_ origin: Origin, at now: Instant) -> Duration {
        let wait = wait(Attempt(origin: origin, evidence: evidence(of: origin, at: now)), at: now)
        guard let device = origin.device, earlier.knows(origin.user, device: device) else { return wait }
        return min(wait, devices.wait(Self.device(origin), at: now))
    }

    private func wait(_ attempt: Attempt, at now: Instant) -> Duration {
        let place = Place(user: attempt.origin.user, network: attempt.origin.network)
        switch attempt.evidence {
        case .device: return devices.wait(Self.device(attempt.origin), at: now)
        case .accustomed: return accustomed.wait(place, at: now)
        case .host: return host.wait(place.user, at: now)
        case .stranger:
            return max(
                strangers.wait(place, at: now), networks.wait(place.network, at: now), users.wait(place.user, at: now))
        }
    }

    private static func device(_ origin: Origin) -> Device { Device(user: origin.user, hash: origin.device ?? "") }

    /// Entries of all tables together.
    var entryCount: Int {
        strangers.count + accustomed.count + host.count + devices.count + networks.count + users.count
    }
}

/// From which wrong try on there is a lock, and how long it can become.
struct LockPolicy: Sendable {
    let threshold: Int
    let longest: Duration

    /// A user from one network.
    static let stranger = LockPolicy(threshold: 3, longest: .seconds(15 * 60))
    /// A user from a network that the user logged in from before, or from the host. Others there can cause this lock, too.
    static let accustomed = LockPolicy(threshold: 3, longest: .seconds(60))
    /// A user with a device's token. Only the device itself can cause this lock.
    static let device = LockPolicy(threshold: 3, longest: .seconds(15 * 60))

    /// How long after the end of its lock an entry is remembered.
    static let memory = Duration.seconds(60 * 60)

    /// 1, 2, 4, … seconds from the threshold on.
    func lock(after failures: Int) -> Duration {
        guard failures >= threshold else { return .zero }
        let doublings = min(failures - threshold, 20)
        return min(.seconds(1 << doublings), longest)
    }
}

/// Counts wrong tries by key, in bounded memory.
struct FailureTable<Key: Hashable & Sendable>: Sendable {
    private struct Entry {
        var failures = 0
        /// Locked until then; the last failure's time when there was no lock.
        var until: LoginGuard.Instant
    }

    private let policy: LockPolicy
    private let capacity: Int
    private let overflowInterval: Duration
    private var entries: [Key: Entry] = [:]
    /// When the next key may try for which there is no place.
    private var overflowUntil: LoginGuard.Instant?

    /// - Parameter overflowInterval: between two tries of keys for which there is no place, of all of them together. Zero
    ///   where something else bounds their tries.
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
        if entry.until.advanced(by: LockPolicy.memory) < now { entry.failures = 0 }
        entry.failures += 1
        entry.until = max(entry.until, now.advanced(by: policy.lock(after: entry.failures)))
        entries[key] = entry
    }

    /// Takes one charge back, with the lock that it caused.
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

    /// Half of the table at a time, so that a flood of names costs each of them little.
    private mutating func makeRoom(at now: LoginGuard.Instant) {
        entries = entries.filter { $0.value.until.advanced(by: LockPolicy.memory) >= now }
        guard entries.count > capacity / 2 else { return }
        let harmless = entries.filter { $0.value.failures < policy.threshold }
            .sorted { ($0.value.failures, $0.value.until) < ($1.value.failures, $1.value.until) }
        for (key, _) in harmless.prefix(entries.count - capacity / 2) { entries[key] = nil }
    }
}
