package import NIOCore

/// How many connections the gateway holds at once.
package struct ViewerConnectionLimits: Sendable {
    package var connections = 1024
    /// From one IPv4 address, or one IPv6 network of 64 bits.
    package var connectionsPerAddress = 64
    /// Of one user, so that no user can take up all places.
    package var connectionsPerUser = 32
    /// Not logged in yet, handshakes included.
    package var notLoggedIn = 256

    package init() {}
}

package struct ViewerServerConfiguration: Sendable {
    /// Name or address to listen on; `::` stands for every address of IPv6 and IPv4.
    package var host: String
    /// 0 for any free port.
    package var port: Int
    /// Event loops, each a thread.
    package var threads: Int
    package var connectionLimits = ViewerConnectionLimits()
    package var viewerLimits = ViewerLimits()
    /// How often the accounts are looked at for changes by other processes.
    package var accountsInterval = TimeAmount.milliseconds(500)
    /// Name and version, told in HELLO.
    package var software = "secam-gateway"

    package init(host: String, port: Int, threads: Int = 2) {
        self.host = host
        self.port = port
        self.threads = threads
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
}

extension ViewerServerError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .portOutOfRange(let port):
            "there is no port \(port); choose one from 0 (any free one) to 65535"
        case .portTaken(let host, let port):
            "port \(port) on \(host) is taken by another program; stop it, or choose another port (0 for any free one)"
        case .addressNotAvailable(let host):
            "this machine does not have the address \(host); listen on one that it has, or on :: for all"
        case .unknownHost(let host):
            "the name \(host) has no address; listen on an address of this machine, or on :: for all"
        case .privilegedPort(let port):
            "port \(port) may be used by root alone; choose one from 1024 on"
        case .cannotListen(let host, let port, let reason):
            "cannot listen on \(host), port \(port): \(reason)"
        case .alreadyStarted:
            "the server for viewers was started before"
        }
    }
}
