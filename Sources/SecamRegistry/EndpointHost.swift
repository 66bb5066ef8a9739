import Glibc
import SecamBase

/// The host of an endpoint or of a connection's peer: an IP address or a name.
struct EndpointHost: Equatable {
    /// The host without brackets.
    let text: String
    /// Four bytes of IPv4 or sixteen of IPv6; `nil` for a name.
    private let address: [UInt8]?

    init(_ text: some StringProtocol) {
        let isBracketed = text.hasPrefix("[") && text.hasSuffix("]")
        self.text = isBracketed ? String(text.dropFirst().dropLast()) : String(text)
        address = EndpointHost.address(String(self.text.prefix { $0 != "%" }))
    }

    /// Creates the host of `tcp://host:port`.
    init?(endpoint: String) {
        guard let address = HostPort(endpoint: endpoint) else { return nil }
        self.init(address.host)
    }

    /// Whether the host is reachable only from the same machine.
    private var isLoopback: Bool {
        switch address?.count {
        case 4: address![0] == 127
        case 16: address! == [UInt8](repeating: 0, count: 15) + [1]
        default: text.lowercased() == "localhost"
        }
    }

    /// Returns whether both hosts are known to be the same machine.
    func isSameHost(as other: EndpointHost) -> Bool {
        if isLoopback { return other.isLoopback }
        guard let address, let theirs = other.address else { return text.lowercased() == other.text.lowercased() }
        return address == theirs
    }

    private static func address(_ text: String) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: 16)
        if unsafe inet_pton(AF_INET, text, &bytes) == 1 { return Array(bytes[..<4]) }
        guard unsafe inet_pton(AF_INET6, text, &bytes) == 1 else { return nil }
        // The IPv4-mapped form in which a dual-stack socket shows an IPv4 address.
        return bytes.starts(with: [UInt8](repeating: 0, count: 10) + [0xff, 0xff]) ? Array(bytes[12...]) : bytes
    }
}
