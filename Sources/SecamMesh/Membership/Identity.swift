import SecamBase
import SecamProcess
package import SecamWire

/// A service's identity and the registry that it joins, with their keys. It is stored in a join file, which holds a
/// secret key and must be readable by its owner only.
package struct Identity: Sendable, Equatable {
    /// The registry's endpoint in ZeroMQ's notation.
    package var registry: String
    package let registryKey: PublicKey
    /// Address of the gateway's relay, `host:port`, for a service that cannot accept connections; otherwise `nil`.
    package let relay: String?
    package let role: Role
    /// The service's name; each process replaces a `*` at its end.
    package let pattern: String
    package let keys: KeyPair

    package init(
        registry: String, registryKey: PublicKey, relay: String? = nil, role: Role, pattern: String, keys: KeyPair
    ) {
        self.registry = registry
        self.registryKey = registryKey
        self.relay = relay
        self.role = role
        self.pattern = pattern
        self.keys = keys
    }

    /// The default endpoint to listen at: loopback if the registry is on this machine or the service uses a relay,
    /// otherwise all addresses. The registry tells other services the address that it sees.
    package var defaultListenEndpoint: String {
        let isLocal =
            relay != nil || ["tcp://127.", "tcp://[::1]", "tcp://localhost"].contains(where: registry.hasPrefix)
        return isLocal ? "tcp://127.0.0.1:*" : "tcp://0.0.0.0:*"
    }

    /// Returns the name to join with.
    ///
    /// - Parameter instance: replaces the pattern's `*`.
    package func name(instance: String) throws(NameError) -> Name {
        try Name(pattern.last == "*" ? pattern.dropLast() + instance : pattern)
    }

    /// Parses a join file with one service.
    package init(parsing text: String, path: String) throws(MeshError) {
        self = try Identity.all(parsing: text, path: path)[0]
    }

    /// Parses a join file: the registry, and one or more services, each starting with a line `role=`.
    package static func all(parsing text: String, path: String) throws(MeshError) -> [Identity] {
        var common: [String: String] = [:]
        var services: [[String: String]] = []
        let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
        for (index, line) in lines.enumerated() {
            guard !line.isEmpty, !line.hasPrefix("#") else { continue }
            guard let equals = line.firstIndex(of: "=") else {
                throw .badLine(path: path, line: index + 1, reason: "expected NAME=VALUE")
            }
            let (name, value) = (String(line[..<equals]), String(line[line.index(after: equals)...]))
            switch name {
            case "role": services.append([name: value])
            case "name", "secret-key":
                guard !services.isEmpty else {
                    throw .badLine(path: path, line: index + 1, reason: "a line role=… must come first")
                }
                services[services.count - 1][name] = value
            default: common[name] = value
            }
        }
        if services.isEmpty { services = [[:]] }
        return try services.map { (service) throws(MeshError) in
            try Identity(common.merging(service) { _, own in own }, path: path)
        }
    }

    private init(_ values: [String: String], path: String) throws(MeshError) {
        func value(_ name: String) throws(MeshError) -> String {
            guard let value = values[name], !value.isEmpty else {
                throw .file(path: path, reason: "is not a join file: the line \(name)=… is missing")
            }
            return value
        }
        registry = try value("registry")
        registryKey = try PublicKey(hexadecimal: try value("registry-key"), what: "registry-key in \(path)")
        relay = values["relay"]
        if let relay, !Relay.isAddress(relay) {
            throw .file(path: path, reason: "relay='\(relay)' is not host:port")
        }
        let roleName = try value("role")
        guard let role = Role(roleName) else {
            throw .file(path: path, reason: "the role '\(roleName)' does not exist")
        }
        self.role = role
        pattern = try value("name")
        keys = try KeyPair(secretHexadecimal: try value("secret-key"), what: "secret-key in \(path)")
    }

    /// Reads a join file.
    ///
    /// - Parameters:
    ///   - registry: replaces the registry's address in the file.
    ///   - role: the program's role; a join file for another role is rejected.
    package static func read(_ path: String, registry: String?, role: Role) throws -> Identity {
        guard let text = try SecretFile.readIfThere(path) else {
            throw MeshError.file(
                path: path, reason: "no such join file; create one with: secam keys invite")
        }
        let identities = try all(parsing: text, path: path)
        guard var identity = identities.first(where: { $0.role == role }) else {
            throw MeshError.file(path: path, reason: "is for \(identities[0].role), this program is \(role)")
        }
        if let registry { identity.registry = registry }
        return identity
    }

    package var text: String {
        """
        # Lets a service join. It holds a secret key: keep it readable by its owner only.
        registry=\(registry)
        registry-key=\(registryKey)
        \(relay.map { "relay=\($0)\n" } ?? "")\(service)
        """
    }

    /// The lines of this service alone, which may be appended to the join file of another one.
    package var service: String {
        """
        role=\(role)
        name=\(pattern)
        secret-key=\(keys.secretHexadecimal)

        """
    }
}
