import SecamBase

/// Endpoints of services that can only dial out, which others reach through the gateway's relay
/// (proto-spec/registry.md).
package enum Relay {
    /// The endpoint that such a service reports, and the prefix of its port in the roster.
    package static let endpoint = "relay"

    /// Returns the address at which a registry listens, for the relay's ports on the same host.
    ///
    /// - Parameter endpoint: in ZeroMQ's notation; a wildcard becomes `0.0.0.0`.
    package static func host(ofListener endpoint: String) -> String {
        guard let address = HostPort(endpoint: endpoint), !address.isWildcard else { return "0.0.0.0" }
        return address.host
    }

    /// Returns whether a text is `host:port`.
    package static func isAddress(_ text: String) -> Bool {
        guard let address = HostPort(endpoint: "tcp://\(text)") else { return false }
        return address.port > 0 && !address.host.contains("/")
    }

    /// Returns a roster's endpoint in ZeroMQ's notation.
    ///
    /// - Parameter registry: the registry's endpoint as this service reaches it; a relay port is on the same host.
    package static func resolve(_ endpoint: String, registry: String) -> String {
        guard endpoint.hasPrefix(Relay.endpoint + ":"), let colon = registry.lastIndex(of: ":") else { return endpoint }
        return String(registry[..<colon]) + endpoint.dropFirst(Relay.endpoint.count)
    }
}
