import Glibc
import NIOCore
import SecamMesh
import Synchronization

/// A peer's standing, from its address alone. Known peers and the host have reserved places.
enum PeerStanding: Sendable {
    case stranger
    /// A user logged in from this network before.
    case known
    /// The peer runs on the gateway's own host.
    case host
}

/// Limits the number of connections. A connection counts from `admit` until `release`.
///
/// Only newcomers (connections without a login) make room for others, never a viewer who is logged in:
///
/// - Each network has a maximum of newcomers. The oldest one that has not sent a byte makes room for the network's next,
///   because a client sends its first bytes right after connecting. Without a silent one, the oldest newcomer makes room.
/// - When all places are taken, the network with the most newcomers gives one up to a network with fewer. Between
///   networks with equally many, the oldest newcomer makes room.
/// - A network's last newcomer that has sent something keeps its place for `grace`. A newcomer whose password is being
///   checked keeps it until the check is done.
final class ConnectionLimiter: Sendable {
    enum Refusal: Error, Equatable, CustomStringConvertible {
        case connections
        case fromThisAddress
        case newcomers

        var description: String {
            switch self {
            case .connections: "too many connections"
            case .fromThisAddress: "too many connections from this address"
            case .newcomers: "too many connections without a login"
            }
        }
    }

    /// One admitted connection.
    struct Ticket: Sendable {
        let network: String
        let standing: PeerStanding
        fileprivate let number: UInt64
    }

    private struct Newcomer {
        let ticket: Ticket
        let since: NIODeadline
        var isSilent = true
        var isVerifying = false
        let close: @Sendable () -> Void
    }

    private struct Counts {
        var all = 0
        /// Oldest first.
        var newcomers: [Newcomer] = []
        var byNetwork: [String: Int] = [:]
        var byUser: [String: (connections: Int, quota: UserQuota)] = [:]
        /// The users of logged-in connections, by ticket number.
        var users: [UInt64: String] = [:]
        var lastNumber: UInt64 = 0
    }

    /// Time for handshake and login that the last newcomer of each network has, however many others connect.
    static let grace = TimeAmount.seconds(1)

    let limits: ViewerConnectionLimits
    private let viewerLimits: ViewerLimits
    private let counts = Mutex(Counts())

    init(limits: ViewerConnectionLimits, viewerLimits: ViewerLimits = ViewerLimits()) {
        self.limits = limits
        self.viewerLimits = viewerLimits
    }

    /// Admits a connection, if need be in the place of a newcomer.
    ///
    /// - Parameter close: closes the connection when it must make room.
    func admit(
        _ network: String, _ standing: PeerStanding = .stranger, at now: NIODeadline = .now(),
        close: @escaping @Sendable () -> Void
    ) throws(Refusal) -> Ticket {
        let (ticket, leaving) = try counts.withLock { counts throws(Refusal) in
            let removed = try makeRoom(for: network, standing, at: now, &counts)
            counts.all += 1
            counts.byNetwork[network, default: 0] += 1
            counts.lastNumber += 1
            let ticket = Ticket(network: network, standing: standing, number: counts.lastNumber)
            counts.newcomers.append(Newcomer(ticket: ticket, since: now, close: close))
            return (ticket, removed)
        }
        leaving?.close()
        return ticket
    }

    /// Chooses the newcomer that must make room, if any, and removes it from the newcomers. Its connection counts until it
    /// is released.
    private func makeRoom(
        for network: String, _ standing: PeerStanding, at now: NIODeadline, _ counts: inout Counts
    ) throws(Refusal) -> Newcomer? {
        let isFull = counts.all >= limits.places(of: limits.connections, for: standing)
        let ownNewcomers = counts.newcomers.count { $0.ticket.network == network }
        var leaving: Int?
        if counts.byNetwork[network, default: 0] >= limits.connectionsPerAddress
            || ownNewcomers >= limits.newcomersPerAddress
        {
            let isOwn = { (newcomer: Newcomer) in newcomer.ticket.network == network }
            leaving =
                counts.newcomers.firstIndex { isOwn($0) && $0.isSilent }
                ?? counts.newcomers.firstIndex { isOwn($0) && Self.hadTime($0, now) }
            guard leaving != nil else { throw .fromThisAddress }
        } else if isFull || counts.newcomers.count >= limits.places(of: limits.newcomers, for: standing) {
            leaving =
                counts.newcomers.firstIndex { $0.isSilent && Self.hadTime($0, now) }
                ?? Self.firstOfLargest(counts.newcomers, than: ownNewcomers)
                ?? counts.newcomers.firstIndex { Self.hadTime($0, now) }
            guard leaving != nil else { throw isFull ? .connections : .newcomers }
        }
        return leaving.map { counts.newcomers.remove(at: $0) }
    }

    /// Returns the oldest newcomer of the network with the most newcomers, provided that this network then still has at
    /// least as many as the network that gets the place.
    private static func firstOfLargest(_ newcomers: [Newcomer], than own: Int) -> Int? {
        var counts: [String: Int] = [:]
        for newcomer in newcomers { counts[newcomer.ticket.network, default: 0] += 1 }
        var largest: (index: Int, count: Int)?
        for (index, newcomer) in newcomers.enumerated() where !newcomer.isVerifying {
            let count = counts[newcomer.ticket.network, default: 0]
            if count > largest?.count ?? own + 1 { largest = (index, count) }
        }
        return largest?.index
    }

    private static func hadTime(_ newcomer: Newcomer, _ now: NIODeadline) -> Bool {
        !newcomer.isVerifying && now - newcomer.since >= grace
    }

    /// Records that the connection sent its first byte.
    func recordFirstByte(_ ticket: Ticket) { change(ticket) { $0.isSilent = false } }

    /// Protects the connection from making room while its password is checked.
    func setVerifying(_ ticket: Ticket, _ isVerifying: Bool) { change(ticket) { $0.isVerifying = isVerifying } }

    private func change(_ ticket: Ticket, _ body: (inout Newcomer) -> Void) {
        counts.withLock { counts in
            let index = counts.newcomers.firstIndex { $0.ticket.number == ticket.number }
            if let index { body(&counts.newcomers[index]) }
        }
    }

    /// Records that a user logged in. The connection keeps its place. It may belong to one user after the other.
    ///
    /// - Returns: the quota that the user's connections share; `nil` when the user has too many connections. The
    ///   connection then remains a newcomer.
    func recordLogin(_ ticket: Ticket, user: String, at now: NIODeadline = .now()) -> UserQuota? {
        counts.withLock { counts in
            let (connections, quota) = counts.byUser[user] ?? (0, UserQuota(limits: viewerLimits, at: now))
            let former = counts.users[ticket.number]
            if former == user { return quota }
            guard connections < limits.connectionsPerUser else { return nil }
            if former != nil { Self.removeUser(of: ticket, &counts) }
            counts.byUser[user] = (connections + 1, quota)
            counts.users[ticket.number] = user
            counts.newcomers.removeAll { $0.ticket.number == ticket.number }
            return quota
        }
    }

    /// The number of admitted connections.
    var connectionCount: Int { counts.withLock { $0.all } }

    func release(_ ticket: Ticket) {
        counts.withLock { counts in
            counts.all -= 1
            counts.newcomers.removeAll { $0.ticket.number == ticket.number }
            let left = counts.byNetwork[ticket.network, default: 1] - 1
            counts.byNetwork[ticket.network] = left > 0 ? left : nil
            Self.removeUser(of: ticket, &counts)
        }
    }

    private static func removeUser(of ticket: Ticket, _ counts: inout Counts) {
        guard let user = counts.users.removeValue(forKey: ticket.number), let (connections, quota) = counts.byUser[user]
        else { return }
        counts.byUser[user] = connections > 1 ? (connections - 1, quota) : nil
    }
}

extension ViewerConnectionLimits {
    /// Maximum newcomers of one network. It grows with the connections that the operator allows per address, since many
    /// viewers then share one.
    var newcomersPerAddress: Int { min(connectionsPerAddress, max(16, connectionsPerAddress / 4)) }

    /// Returns the places that a peer of this standing may use. An eighth is reserved for known peers and the host, and an
    /// eighth of that for the host.
    func places(of total: Int, for standing: PeerStanding) -> Int {
        switch standing {
        case .stranger: total - total / 8
        case .known: total - total / 64
        case .host: total
        }
    }
}
