import Glibc
import NIOCore
import SecamMesh
import Synchronization

/// What the gateway knows of a peer from its address alone. Known peers and the host have reserved places.
enum PeerStanding: Sendable {
    case stranger
    /// A user logged in from this network before.
    case known
    /// The peer runs on the gateway's own host.
    case host
}

/// Counts connections against their limits, from `admit` until `release`.
///
/// Only newcomers (connections without a login) ever make room for others, never a viewer who is logged in:
///
/// - A network has a bounded number of newcomers. The oldest that has not sent a byte makes room for the network's next:
///   a client speaks first, with what it sends right behind its connection. Without a silent one it is the newcomer that
///   has had most time.
/// - Where all places are taken, the network with most newcomers gives one up to a network with fewer; between networks
///   that have equally many, the newcomer that has had most time goes.
/// - The last newcomer of a network that has sent something has `grace` for its handshake and login, and one whose
///   password is being checked has as long as that takes.
final class ConnectionLimiter: Sendable {
    enum Refusal: Error, Equatable {
        case connections
        case fromThisAddress
        case notLoggedIn
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
        /// The longest waiting first.
        var newcomers: [Newcomer] = []
        var byNetwork: [String: Int] = [:]
        var byUser: [String: (connections: Int, share: UserQuota)] = [:]
        /// The users of connections that are logged in.
        var users: [UInt64: String] = [:]
        var lastNumber: UInt64 = 0
    }

    /// Time that the last newcomer of each network has for a handshake and a login, however many others come.
    static let grace = TimeAmount.seconds(1)

    let limits: ViewerConnectionLimits
    private let viewerLimits: ViewerLimits
    private let counts = Mutex(Counts())

    init(limits: ViewerConnectionLimits, viewerLimits: ViewerLimits = ViewerLimits()) {
        self.limits = limits
        self.viewerLimits = viewerLimits
    }

    /// - Parameter close: ends the connection, when it has to make room.
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

    /// - Returns: the newcomer that has to leave, if one must. It counts until its connection is released, except among
    ///   the newcomers.
    private func makeRoom(
        for network: String, _ standing: PeerStanding, at now: NIODeadline, _ counts: inout Counts
    ) throws(Refusal) -> Newcomer? {
        let isFull = counts.all >= limits.places(of: limits.connections, for: standing)
        let ownNewcomers = counts.newcomers.count { $0.ticket.network == network }
        var leaving: Int?
        if counts.byNetwork[network, default: 0] >= limits.connectionsPerAddress
            || ownNewcomers >= limits.notLoggedInPerAddress
        {
            let isOwn = { (newcomer: Newcomer) in newcomer.ticket.network == network }
            leaving =
                counts.newcomers.firstIndex { isOwn($0) && $0.isSilent }
                ?? counts.newcomers.firstIndex { isOwn($0) && Self.hadTime($0, now) }
            guard leaving != nil else { throw .fromThisAddress }
        } else if isFull || counts.newcomers.count >= limits.places(of: limits.notLoggedIn, for: standing) {
            leaving =
                counts.newcomers.firstIndex { $0.isSilent && Self.hadTime($0, now) }
                ?? Self.firstOfLargest(counts.newcomers, than: ownNewcomers)
                ?? counts.newcomers.firstIndex { Self.hadTime($0, now) }
            guard leaving != nil else { throw isFull ? .connections : .notLoggedIn }
        }
        return leaving.map { counts.newcomers.remove(at: $0) }
    }

    /// The oldest newcomer of the network that has most of them, if that one keeps at least as many as the network that
    /// takes its place then has.
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

    /// The connection has sent its first byte.
    func spoke(_ ticket: Ticket) { change(ticket) { $0.isSilent = false } }

    func verifies(_ ticket: Ticket, _ isVerifying: Bool) { change(ticket) { $0.isVerifying = isVerifying } }

    private func change(_ ticket: Ticket, _ body: (inout Newcomer) -> Void) {
        counts.withLock { counts in
            let index = counts.newcomers.firstIndex { $0.ticket.number == ticket.number }
            if let index { body(&counts.newcomers[index]) }
        }
    }

    /// A service's connection keeps its place from now on.
    func loggedIn(_ ticket: Ticket) {
        counts.withLock { $0.newcomers.removeAll { $0.ticket.number == ticket.number } }
    }

    /// A user's connection keeps its place from now on.
    ///
    /// - Returns: what the user's connections share; nil when the user has too many, and this one is a newcomer still.
    func loggedIn(_ ticket: Ticket, user: String, at now: NIODeadline = .now()) -> UserQuota? {
        counts.withLock { counts in
            let (connections, share) = counts.byUser[user] ?? (0, UserQuota(limits: viewerLimits, at: now))
            guard connections < limits.connectionsPerUser else { return nil }
            counts.byUser[user] = (connections + 1, share)
            counts.users[ticket.number] = user
            counts.newcomers.removeAll { $0.ticket.number == ticket.number }
            return share
        }
    }

    func release(_ ticket: Ticket) {
        counts.withLock { counts in
            counts.all -= 1
            counts.newcomers.removeAll { $0.ticket.number == ticket.number }
            let left = counts.byNetwork[ticket.network, default: 1] - 1
            counts.byNetwork[ticket.network] = left > 0 ? left : nil
            guard let user = counts.users.removeValue(forKey: ticket.number),
                let (connections, share) = counts.byUser[user]
            else { return }
            counts.byUser[user] = connections > 1 ? (connections - 1, share) : nil
        }
    }
}

extension ViewerConnectionLimits {
    /// Newcomers of one address or network. More where an operator allows many connections from one address, since
    /// then many viewers share it.
    var notLoggedInPerAddress: Int { min(connectionsPerAddress, max(16, connectionsPerAddress / 4)) }

    /// The places that a peer of this standing may use: an eighth is reserved for known peers and the host, and of that
    /// an eighth for the host.
    func places(of total: Int, for standing: PeerStanding) -> Int {
        switch standing {
        case .stranger: total - total / 8
        case .known: total - total / 64
        case .host: total
        }
    }
}

extension SocketAddress {
    /// What one peer cannot change at will.
    var network: String { ipAddress.map(SourceNetwork.of) ?? "local" }

    /// Whether a connection between these addresses does not leave the host.
    ///
    /// - Parameter local: the gateway's own address on this connection.
    func isOnHost(of local: SocketAddress?) -> Bool {
        let own = plainAddress
        return own == "127.0.0.1" || own == "::1" || own == nil || own == local?.plainAddress
    }

    /// Address and port for logs.
    var peerText: String {
        guard let ipAddress, let port else { return "local" }
        return ipAddress.contains(":") ? "[\(ipAddress)]:\(port)" : "\(ipAddress):\(port)"
    }

    /// Without the form that an IPv6 socket gives to IPv4 addresses; nil for a socket in the file system.
    private var plainAddress: String? { ipv6Bytes.flatMap(Self.mappedIPv4) ?? ipAddress }

    private var ipv6Bytes: [UInt8]? {
        guard let text = ipAddress else { return nil }
        var bytes = [UInt8](repeating: 0, count: 16)
        return unsafe inet_pton(AF_INET6, text, &bytes) == 1 ? bytes : nil
    }

    private static func mappedIPv4(_ bytes: [UInt8]) -> String? {
        let isMapped = bytes[0..<10].allSatisfy { $0 == 0 } && bytes[10] == 0xff && bytes[11] == 0xff
        return isMapped ? bytes[12...].map(String.init).joined(separator: ".") : nil
    }
}
