/// A host and a port, as in `host:port`, and in `tcp://host:port` as ZeroMQ writes it.
package struct HostPort: Sendable, Hashable, CustomStringConvertible {
    /// A host name or IP address, without the brackets of an IPv6 address.
    package let host: String
    /// 0 for any free port.
    package let port: UInt16

    package init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }

    /// Parses `host:port`. An IPv6 address is in brackets, as in `[::1]:7443`.
    package init?(_ text: some StringProtocol) {
        guard let (host, port) = Self.split(text) else { return nil }
        var name = host
        if host.hasPrefix("["), host.hasSuffix("]") {
            name = name.dropFirst().dropLast()
            guard name.contains(":") else { return nil }
        } else if host.contains(":") {
            return nil
        }
        guard !name.isEmpty, !port.isEmpty, port.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let number = UInt16(port)
        else { return nil }
        self.init(host: String(name), port: number)
    }

    /// Parses `tcp://host:port`. As for ZeroMQ, brackets are optional, and `*` is any port.
    package init?(endpoint: String) {
        guard endpoint.hasPrefix("tcp://"), let (host, port) = Self.split(endpoint.dropFirst("tcp://".count)) else {
            return nil
        }
        let name = host.filter { $0 != "[" && $0 != "]" }
        guard !name.isEmpty, let number = port == "*" ? 0 : UInt16(port) else { return nil }
        self.init(host: String(name), port: number)
    }

    /// Splits a text at its last colon.
    private static func split<Text: StringProtocol>(_ text: Text) -> (host: Text.SubSequence, port: Text.SubSequence)? {
        text.lastIndex(of: ":").map { (text[..<$0], text[text.index(after: $0)...]) }
    }

    /// Whether the host stands for all addresses of the machine.
    package var isWildcard: Bool { ["0.0.0.0", "::", "*"].contains(host) }

    /// The same, with the loopback address in place of a wildcard.
    package var onThisMachine: HostPort { isWildcard ? HostPort(host: "127.0.0.1", port: port) : self }

    package var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

    package var endpoint: String { "tcp://\(self)" }
}
