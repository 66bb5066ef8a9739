import Glibc
import NIOCore
import Synchronization

/// Counts connections against their limits, from `admit` until `release`.
///
/// Where too many have not logged in, the one that has had most time for it makes room for a new one: who only opens
/// connections cannot keep others out.
final class ConnectionLedger: Sendable {
    enum Refusal: Error, Equatable {
        case connections
        case fromThisAddress
        case notLoggedIn
    }

    /// One admitted connection.
    struct Ticket: Sendable {
        let network: String
        fileprivate let number: UInt64
    }

    /// A connection that has not logged in.
    private struct Newcomer {
        let ticket: Ticket
        let since: NIODeadline
        /// Its password is being looked at, which takes as long as it takes.
        var isVerifying = false
        let close: @Sendable () -> Void
    }

    private struct Counts {
        var all = 0
        /// The longest waiting first.
        var newcomers: [Newcomer] = []
        var byNetwork: [String: Int] = [:]
        var lastNumber: UInt64 = 0
    }

    /// Time that everybody has for a handshake and a login, however many others come.
    static let grace = TimeAmount.seconds(1)

    private let limits: ConnectionLimits
    private let counts = Mutex(Counts())

    init(limits: ConnectionLimits) { self.limits = limits }

    /// - Parameter close: ends the connection, when it has to make room.
    func admit(
        _ network: String, at now: NIODeadline = .now(), close: @escaping @Sendable () -> Void
    ) throws(Refusal) -> Ticket {
        let (ticket, leaving) = try counts.withLock { counts throws(Refusal) in
            guard counts.all < limits.connections else { throw .connections }
            var leaving: Int?
            if counts.byNetwork[network, default: 0] >= limits.connectionsPerAddress {
                leaving = counts.newcomers.firstIndex { $0.ticket.network == network && Self.hadTime($0, now) }
                guard leaving != nil else { throw .fromThisAddress }
            } else if counts.newcomers.count >= limits.notLoggedIn {
                leaving = counts.newcomers.firstIndex { Self.hadTime($0, now) }
                guard leaving != nil else { throw .notLoggedIn }
            }
            let removed = leaving.map { counts.newcomers.remove(at: $0) }
            counts.all += 1
            counts.byNetwork[network, default: 0] += 1
            counts.lastNumber += 1
            let ticket = Ticket(network: network, number: counts.lastNumber)
            counts.newcomers.append(Newcomer(ticket: ticket, since: now, close: close))
            return (ticket, removed)
        }
        leaving?.close()
        return ticket
    }

    private static func hadTime(_ newcomer: Newcomer, _ now: NIODeadline) -> Bool {
        !newcomer.isVerifying && now - newcomer.since >= grace
    }

    func verifies(_ ticket: Ticket, _ isVerifying: Bool) {
        counts.withLock { counts in
            let index = counts.newcomers.firstIndex { $0.ticket.number == ticket.number }
            if let index { counts.newcomers[index].isVerifying = isVerifying }
        }
    }

    func loggedIn(_ ticket: Ticket) {
        counts.withLock { counts in counts.newcomers.removeAll { $0.ticket.number == ticket.number } }
    }

    func release(_ ticket: Ticket) {
        counts.withLock { counts in
            counts.all -= 1
            counts.newcomers.removeAll { $0.ticket.number == ticket.number }
            let left = counts.byNetwork[ticket.network, default: 1] - 1
            counts.byNetwork[ticket.network] = left > 0 ? left : nil
        }
    }
}

extension SocketAddress {
    /// What one peer cannot change at will: an IPv4 address, or an IPv6 network of 64 bits.
    var network: String {
        guard let text = ipAddress else { return "local" }
        var bytes = [UInt8](repeating: 0, count: 16)
        guard unsafe inet_pton(AF_INET6, text, &bytes) == 1 else { return text }
        let isMapped = bytes[0..<10].allSatisfy { $0 == 0 } && bytes[10] == 0xff && bytes[11] == 0xff
        if isMapped { return bytes[12...].map(String.init).joined(separator: ".") }
        return bytes[0..<8].map { String($0, radix: 16) }.joined(separator: ":") + "/64"
    }

    /// Address and port for logs.
    var peerText: String {
        guard let ipAddress, let port else { return "local" }
        return ipAddress.contains(":") ? "[\(ipAddress)]:\(port)" : "\(ipAddress):\(port)"
    }
}
