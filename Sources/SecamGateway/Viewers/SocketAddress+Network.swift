import Glibc
import NIOCore
import SecamBase
import SecamMesh

extension SocketAddress {
    /// The part of the address that a peer cannot change at will: an IPv4 address, or an IPv6 network of 64 bits.
    var network: String { ipAddress.map(SourceNetwork.of) ?? "local" }

    /// Returns whether a connection between these addresses stays within the host.
    ///
    /// - Parameter local: the gateway's own address on this connection.
    func isOnHost(of local: SocketAddress?) -> Bool {
        let own = plainAddress
        return own == "127.0.0.1" || own == "::1" || own == nil || own == local?.plainAddress
    }

    /// The address and port, for logs.
    var peerText: String {
        guard let ipAddress, let port else { return "local" }
        return "\(HostPort(host: ipAddress, port: UInt16(port)))"
    }

    /// The address, with IPv4-mapped IPv6 addresses as IPv4; `nil` for a socket in the file system.
    var plainAddress: String? { ipv6Bytes.flatMap(Self.mappedIPv4) ?? ipAddress }

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
