/// Slows down whoever guesses passwords, without letting him lock the real user out. Pure: time is an argument.
///
/// Three rules hold at once; a try needs the leave of each of them.
///
/// - *A user from one address* is locked hard: from the 3rd wrong try in a row on 1 s, then twice as long each time,
///   up to 15 minutes.
/// - *One address*, whatever the names: the same from the 10th wrong try on, against trying one password on many
///   users. A success does not clear it, else an attacker would log into an account of his own in between.
/// - *One user*, wherever from: from the 10th wrong try on 1 s, doubling to only 30 s, against guessing from many
///   addresses. A lock that one can cause for somebody else from anywhere has to be short.
///
/// Where a user logged in before, only the first rule holds for him: so an attacker elsewhere, and a neighbour behind
/// the same address who forgot his own password, never keep him out of the accustomed place.
///
/// A try counts as wrong from the start of its check and is given back when it turns out right. Else a hundred at the
/// same moment would all be checked before the first of them is known to be wrong. Tries that are refused do not
/// count. Names without an account are treated like any other, hence nothing here tells whether there is one.
///
/// The tables are bounded. Entries that never came to a lock are forgotten first, old locks an hour after they ended,
/// and a lock never before that: if a table is full of locks, all newcomers share one entry.
public struct LoginGuard: Sendable {
    public typealias Instant = ContinuousClock.Instant

    /// A try that was let through; exactly one of `succeeded`, `failed` and `withdrawn` ends it.
    public struct Attempt: Sendable {
        let pair: Pair
        /// When it was charged.
        let isAccustomed: Bool
    }

    public enum Verdict: Sendable {
        case proceed(Attempt)
        /// No try is possible before this time is over.
        case locked(Duration)
    }

    private var pairs: FailureTable<Pair>
    private var addresses: FailureTable<String>
    private var users: FailureTable<String>
    private var accustomed: RecentSet<Pair>

    struct Pair: Hashable, Sendable {
        let user: String
        let address: String
    }

    /// - Parameter capacity: entries of each table; about 100 bytes each.
    public init(capacity: Int = 8192) {
        pairs = FailureTable(policy: .pair, capacity: capacity)
        addresses = FailureTable(policy: .address, capacity: capacity)
        users = FailureTable(policy: .user, capacity: capacity)
        accustomed = RecentSet(capacity: capacity)
    }

    /// Asks leave for one try.
    ///
    /// - Parameter address: what one peer cannot change at will: an IPv4 address, or an IPv6 network of 64 bits.
    public mutating func begin(user: String, address: String, at now: Instant) -> Verdict {
        let pair = Pair(user: user, address: address)
        let wait = wait(pair, at: now)
        guard wait == .zero else { return .locked(wait) }
        pairs.charge(pair, at: now)
        if !accustomed.contains(pair) {
            addresses.charge(address, at: now)
            users.charge(user, at: now)
        }
        return .proceed(Attempt(pair: pair, isAccustomed: accustomed.contains(pair)))
    }

    /// - Returns: how long the next try must wait, zero for not at all.
    public mutating func failed(_ attempt: Attempt, at now: Instant) -> Duration {
        wait(attempt.pair, at: now)
    }

    public mutating func succeeded(_ attempt: Attempt, at now: Instant) {
        withdrawn(attempt)
        pairs.clear(attempt.pair)
        accustomed.insert(attempt.pair)
    }

    /// The try was never checked, for lack of time or because the accounts could not be read.
    public mutating func withdrawn(_ attempt: Attempt) {
        pairs.refund(attempt.pair)
        guard !attempt.isAccustomed else { return }
        addresses.refund(attempt.pair.address)
        users.refund(attempt.pair.user)
    }

    /// How long a try must wait, zero for not at all.
    public func wait(user: String, address: String, at now: Instant) -> Duration {
        wait(Pair(user: user, address: address), at: now)
    }

    private func wait(_ pair: Pair, at now: Instant) -> Duration {
        let own = pairs.wait(pair, at: now)
        guard !accustomed.contains(pair) else { return own }
        return max(own, addresses.wait(pair.address, at: now), users.wait(pair.user, at: now))
    }

    /// Entries of all tables together.
    var entryCount: Int { pairs.count + addresses.count + users.count + accustomed.count }
}

/// From which wrong try on there is a lock, and how long it can become.
struct LockPolicy: Sendable {
    let threshold: Int
    let longest: Duration

    static let pair = LockPolicy(threshold: 3, longest: .seconds(15 * 60))
    static let address = LockPolicy(threshold: 10, longest: .seconds(15 * 60))
    static let user = LockPolicy(threshold: 10, longest: .seconds(30))

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
    private var entries: [Key: Entry] = [:]
    /// Shared by all keys that found no place.
    private var overflow: Entry?

    init(policy: LockPolicy, capacity: Int) {
        precondition(capacity > 1, "FailureTable: capacity out of range")
        self.policy = policy
        self.capacity = capacity
    }

    var count: Int { entries.count }

    func wait(_ key: Key, at now: LoginGuard.Instant) -> Duration {
        guard let entry = entries[key] ?? overflow else { return .zero }
        return max(.zero, now.duration(to: entry.until))
    }

    mutating func charge(_ key: Key, at now: LoginGuard.Instant) {
        if entries[key] == nil, entries.count >= capacity { makeRoom(at: now) }
        let isListed = entries[key] != nil || entries.count < capacity
        var entry = (isListed ? entries[key] : overflow) ?? Entry(until: now)
        if entry.until.advanced(by: LockPolicy.memory) < now { entry.failures = 0 }
        entry.failures += 1
        entry.until = max(entry.until, now.advanced(by: policy.lock(after: entry.failures)))
        if isListed { entries[key] = entry } else { overflow = entry }
    }

    /// Takes one charge back, with the lock that it caused.
    mutating func refund(_ key: Key) {
        guard var entry = entries[key] ?? overflow, entry.failures > 0 else { return }
        let isListed = entries[key] != nil
        entry.until = entry.until.advanced(by: .zero - policy.lock(after: entry.failures))
        entry.failures -= 1
        if isListed { entries[key] = entry.failures == 0 ? nil : entry } else { overflow = entry }
    }

    mutating func clear(_ key: Key) {
        entries[key] = nil
    }

    /// Half of the table at a time, so that a flood of names costs each of them little.
    private mutating func makeRoom(at now: LoginGuard.Instant) {
        entries = entries.filter { $0.value.until.advanced(by: LockPolicy.memory) >= now }
        if let shared = overflow, shared.until.advanced(by: LockPolicy.memory) < now { overflow = nil }
        guard entries.count > capacity / 2 else { return }
        let harmless = entries.filter { $0.value.failures < policy.threshold }
            .sorted { ($0.value.failures, $0.value.until) < ($1.value.failures, $1.value.until) }
        for (key, _) in harmless.prefix(entries.count - capacity / 2) { entries[key] = nil }
    }
}

/// The last so many distinct elements that were inserted.
struct RecentSet<Element: Hashable & Sendable>: Sendable {
    private let capacity: Int
    private var members: Set<Element> = []
    private var order: [Element] = []
    private var oldest = 0

    init(capacity: Int) { self.capacity = capacity }

    var count: Int { members.count }

    func contains(_ element: Element) -> Bool { members.contains(element) }

    mutating func insert(_ element: Element) {
        guard members.insert(element).inserted else { return }
        guard order.count == capacity else { return order.append(element) }
        members.remove(order[oldest])
        order[oldest] = element
        oldest = (oldest + 1) % capacity
    }
}
