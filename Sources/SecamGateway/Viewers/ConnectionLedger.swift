import Glibc
import NIOCore
import Synchronization

/// Counts connections against their limits, from `admit` until `release`.
final class ConnectionLedger: Sendable {
    enum Refusal: Error, Equatable {
        case connections
        case fromThisAddress
        case notLoggedIn
    }

    /// One admitted connection.
    struct Ticket: Sendable {
        let network: String
    }

    private struct Counts {
        var all = 0
        var notLoggedIn = 0
        var byNetwork: [String: Int] = [:]
    }

    private let limits: ConnectionLimits
    private let counts = Mutex(Counts())

    init(limits: ConnectionLimits) { self.limits = limits }

    func admit(_ network: String) throws(Refusal) -> Ticket {
        try counts.withLock { counts throws(Refusal) in
            guard counts.all < limits.connections else { throw .connections }
            guard counts.notLoggedIn < limits.notLoggedIn else { throw .notLoggedIn }
            guard counts.byNetwork[network, default: 0] < limits.connectionsPerAddress else {
                throw .fromThisAddress
            }
            counts.all += 1
            counts.notLoggedIn += 1
            counts.byNetwork[network, default: 0] += 1
            return Ticket(network: network)
        }
    }

    func loggedIn() {
        counts.withLock { $0.notLoggedIn -= 1 }
    }

    /// - Parameter wasLoggedIn: whether `loggedIn` was called for this connection.
    func release(_ ticket: Ticket, wasLoggedIn: Bool) {
        counts.withLock { counts in
            counts.all -= 1
            if !wasLoggedIn { counts.notLoggedIn -= 1 }
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
