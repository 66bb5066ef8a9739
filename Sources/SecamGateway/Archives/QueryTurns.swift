import SecamBase

/// A queue of queries for one archive. Users take turns, each with one query at the archive at a time, so that long
/// queries of one user do not delay those of others.
///
/// A state machine without I/O: time is an argument.
struct QueryTurns {
    /// Maximum number of queries that an archive works on, as many as it has threads for them.
    static let limit = 2
    /// How long an unanswered query takes a place. The archive may have lost it with a connection.
    static let timeout = Duration.seconds(10)

    private struct Sent {
        let user: String
        let since: MonotonicTime
    }

    /// Oldest first.
    private var waiting: [(number: UInt32, user: String)] = []
    private var sent: [UInt32: Sent] = [:]
    /// The turn in which each user was last served.
    private var turns: [String: UInt64] = [:]
    private var lastTurn: UInt64 = 0

    mutating func add(_ number: UInt32, of user: String) { waiting.append((number, user)) }

    mutating func removeWaiting(_ number: UInt32) { waiting.removeAll { $0.number == number } }

    /// Records that the archive's answer is complete.
    ///
    /// - Returns: false when the archive was not sent this query, or gave up its place.
    @discardableResult
    mutating func recordAnswer(_ number: UInt32) -> Bool { sent.removeValue(forKey: number) != nil }

    /// Returns the next query to send: the oldest query of the user who was served longest ago, among users without a
    /// query at the archive.
    mutating func next(now: MonotonicTime) -> UInt32? {
        sent = sent.filter { now - $0.value.since < Self.timeout }
        guard sent.count < Self.limit else { return nil }
        let busy = Set(sent.values.map(\.user))
        let free = waiting.enumerated().filter { !busy.contains($0.element.user) }
        guard let index = free.min(by: { turn($0.element.user) < turn($1.element.user) })?.offset else { return nil }
        let (number, user) = waiting.remove(at: index)
        sent[number] = Sent(user: user, since: now)
        // Users without queries need no turn.
        if waiting.isEmpty { turns = [:] }
        lastTurn += 1
        turns[user] = lastTurn
        return number
    }

    private func turn(_ user: String) -> UInt64 { turns[user] ?? 0 }
}
