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
        let parts = endpoint.split(separator: ":")
        guard endpoint.hasPrefix("tcp://"), let port = parts.last.flatMap({ UInt16($0) }), port > 0,
            Self.isHost(endpoint.dropFirst("tcp://".count).dropLast(parts.last!.count + 1))
        else { return "the endpoint '\(endpoint)' is not tcp://host:port" }
        return nil
    }

    /// Returns whether a text is a host name, an IPv4 address, or an IPv6 address in brackets.
    private static func isHost(_ text: Substring) -> Bool {
        let isBracketed = text.hasPrefix("[") && text.hasSuffix("]")
        let inner = isBracketed ? text.dropFirst().dropLast() : text
        let others: Set<Character> = isBracketed ? [":", ".", "%"] : [".", "-", "_"]
        return !inner.isEmpty && inner.utf8.count <= 253
            && inner.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber) || others.contains($0) }
    }

    /// Returns the join with a wildcard address replaced by the address that the service connects from.
    func reachable(at address: String) -> Join {
        let wildcards = ["tcp://0.0.0.0:", "tcp://[::]:", "tcp://*:"]
        guard !address.isEmpty, let wildcard = wildcards.first(where: endpoint.hasPrefix) else { return self }
        let host = address.contains(":") ? "[\(address)]" : address
        return Join(
            role: role, process: process, incarnation: incarnation, name: name,
            endpoint: "tcp://\(host):\(endpoint.dropFirst(wildcard.count))", software: software)
    }
}
