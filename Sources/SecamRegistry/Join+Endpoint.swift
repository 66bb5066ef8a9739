import SecamBase
import SecamMesh
import SecamWire

extension Join {
    /// Whether the service is reached only through the relay.
    var isRelayed: Bool { endpoint == Relay.endpoint }

    /// The problem of the service's endpoint, for users; `nil` for a valid endpoint.
    var endpointProblem: String? {
        if role == .capture, name.text.contains(DedicatedEncoders.separator) {
            return "a camera's name cannot contain \(DedicatedEncoders.separator): choose another name"
        }
        if isRelayed { return role == .capture || role == .archive ? nil : "the role \(role) accepts no connections" }
        if endpoint.isEmpty { return role == .capture ? "a camera must have an endpoint" : nil }
        // Other services connect to the endpoint, so it must be an address.
        guard endpoint.hasPrefix("tcp://"), let address = HostPort(endpoint.dropFirst("tcp://".count)),
            address.port > 0, Self.isHost(address.host)
        else { return "the endpoint '\(endpoint)' is not tcp://host:port" }
        return nil
    }

    /// Returns whether a text is a host name or an IP address.
    private static func isHost(_ text: String) -> Bool {
        let others: Set<Character> = text.contains(":") ? [":", ".", "%"] : [".", "-", "_"]
        return text.utf8.count <= 253
            && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber) || others.contains($0) }
    }

    /// Returns the join with a wildcard address replaced by the address that the service connects from.
    func reachable(at address: String) -> Join {
        guard !address.isEmpty, let listener = HostPort(endpoint: endpoint), listener.isWildcard else { return self }
        return Join(
            role: role, process: process, incarnation: incarnation, name: name,
            endpoint: HostPort(host: address, port: listener.port).endpoint, software: software)
    }
}
