import Glibc
package import NIOCore
package import SecamWeb

/// Limits on the number of viewers' connections.
package struct ViewerConnectionLimits: Sendable {
    package var connections = 1024
    /// Connections from one IPv4 address, or one IPv6 network of 64 bits.
    package var connectionsPerAddress = 64
    /// Connections of one user, so that no user can occupy all places.
    package var connectionsPerUser = 32
    /// Connections without a login, handshakes included.
    package var newcomers = 256

    package init() {}
}

package struct ViewerServerConfiguration: Sendable {
    /// Name or address to listen on; `::` for all addresses, IPv6 and IPv4.
    package var host: String
    /// 0 for any free port.
    package var port: Int
    /// Event loops, one thread each.
    package var threads: Int
    package var connectionLimits = ViewerConnectionLimits()
    package var viewerLimits = ViewerLimits()
    package var webLimits = WebLimits()
    /// Addresses of HTTP proxies that name their clients in `X-Forwarded-For`.
    package var trustedProxies: Set<String> = []
    /// Time between two checks whether another process changed the accounts.
    package var accountsInterval = TimeAmount.milliseconds(500)
    /// Name and version that HELLO announces.
    package var software = "secam-gateway"

    package init(host: String, port: Int, threads: Int = 2) {
        self.host = host
        self.port = port
        self.threads = threads
    }
}

/// A list of proxies' addresses.
package enum ProxyAddresses {
    /// Parses IP addresses, separated by commas; returns `nil` when one is invalid.
    package static func parse(_ text: String) -> Set<String>? {
        var addresses: Set<String> = []
        for word in text.split(separator: ",") {
            guard let address = normalized(word) else { return nil }
            addresses.insert(address)
        }
        return addresses
    }

    /// Returns an IP address in the form in which connections show it; `nil` for an invalid one.
    static func normalized(_ text: some StringProtocol) -> String? {
        let plain = text.drop { $0 == " " }.prefix { $0 != " " }
        return (try? SocketAddress(ipAddress: String(plain), port: 0))?.plainAddress
    }
}

/// Why the gateway cannot listen for viewers.
package enum ViewerServerError: Error, Sendable, Hashable {
    case portOutOfRange(Int)
    case portTaken(host: String, port: Int)
    case addressNotAvailable(host: String)
    case unknownHost(String)
    case privilegedPort(Int)
    case cannotListen(host: String, port: Int, reason: String)
    case alreadyStarted

    init(errno: CInt, host: String, port: Int) {
        self =
            switch errno {
            case EADDRINUSE: .portTaken(host: host, port: port)
            case EADDRNOTAVAIL: .addressNotAvailable(host: host)
            case EACCES: .privilegedPort(port)
            default: .cannotListen(host: host, port: port, reason: unsafe String(cString: strerror(errno)))
            }
    }
}

extension ViewerServerError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .portOutOfRange(let port):
            "cannot listen on port \(port): out of range. Use 1 to 65535, or 0 for any free port."
        case .portTaken(let host, let port):
            "cannot listen on \(host), port \(port): another program uses the port. Stop that program, or use another "
                + "port (0 for any free port)."
        case .addressNotAvailable(let host):
            "cannot listen on \(host): not an address of this machine. Use one of its addresses, or :: for all."
        case .unknownHost(let host):
            "cannot listen on \(host): the name has no address. Use an address of this machine, or :: for all."
        case .privilegedPort(let port):
            "cannot listen on port \(port): only root may use it. Use a port from 1024 on."
        case .cannotListen(let host, let port, let reason):
            "cannot listen on \(host), port \(port): \(reason)"
        case .alreadyStarted:
            "the server for viewers was started twice"
        }
    }
}
