/// How services are reached that can only dial out (proto-spec/registry.md).
package enum Relay {
    /// What such a service says of itself, and what precedes its port in the roster.
    package static let endpoint = "relay"

    /// The address at which a registry listens, for the relay's ports beside it.
    ///
    /// - Parameter endpoint: as ZeroMQ writes it; a wildcard becomes `0.0.0.0`.
    package static func host(ofListener endpoint: String) -> String {
        guard endpoint.hasPrefix("tcp://"), let colon = endpoint.lastIndex(of: ":") else { return "0.0.0.0" }
        let host = endpoint[..<colon].dropFirst(6).filter { $0 != "[" && $0 != "]" }
        return host == "*" || host == "::" || host.isEmpty ? "0.0.0.0" : String(host)
    }

    /// Whether a text is `host:port`.
    package static func isAddress(_ text: String) -> Bool {
        guard let colon = text.lastIndex(of: ":"), colon > text.startIndex, !text.contains("/") else { return false }
        return UInt16(text[text.index(after: colon)...]).map { $0 > 0 } ?? false
    }

    /// A roster's endpoint as ZeroMQ wants it.
    ///
    /// - Parameter registry: where the reader reaches the registry, since the port is one of its host's.
    package static func resolve(_ endpoint: String, registry: String) -> String {
        guard endpoint.hasPrefix(Relay.endpoint + ":"), let colon = registry.lastIndex(of: ":") else { return endpoint }
        return String(registry[..<colon]) + endpoint.dropFirst(Relay.endpoint.count)
    }
}
