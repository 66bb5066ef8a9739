import SecamBase
import SecamProcess
package import SecamWire

/// Everything that a service must be told to take part: where the registry is, whom to trust there, and who it is
/// itself. Written down in a join file, which holds a secret and must be readable by its owner only.
package struct Identity: Sendable, Equatable {
    /// Of the registry, as ZeroMQ writes it.
    package var registry: String
    package let registryKey: PublicKey
    /// Where the gateway's relay is, `host:port`, for a service that nobody can connect to; `nil` for all others.
    package let relay: String?
    package let role: Role
    /// Of the service; a `*` at its end stands for something of the process's own choice.
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

    /// Where to listen: when the registry is on this machine, or nobody else can connect, only there; else at every
    /// address, of which the registry tells the others the one that it sees.
    package var suitableListen: String {
        let isLocal =
            relay != nil || ["tcp://127.", "tcp://[::1]", "tcp://localhost"].contains(where: registry.hasPrefix)
        return isLocal ? "tcp://127.0.0.1:*" : "tcp://0.0.0.0:*"
    }

    /// The name to join with.
    ///
    /// - Parameter instance: takes the place of the pattern's `*`.
    package func name(instance: String) throws(NameError) -> Name {
        try Name(pattern.last == "*" ? pattern.dropLast() + instance : pattern)
    }

    /// Reads a join file of one service.
    package init(parsing text: String, path: String) throws(MeshError) {
        self = try Identity.all(parsing: text, path: path)[0]
    }

    /// Reads a join file: the registry, and one or more services, each from its line `role=` on.
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
                    throw .badLine(path: path, line: index + 1, reason: "the line role=… must come first")
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
                throw .file(path: path, reason: "is no join file: the line \(name)=… is missing")
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
    ///   - registry: takes the place of the address in the file.
    ///   - role: the one that the program has; a join file for another one is refused.
    package static func read(_ path: String, registry: String?, role: Role) throws -> Identity {
        guard let text = try SecretFile.readIfThere(path) else {
            throw MeshError.file(
                path: path, reason: "there is no such join file; the gateway's operator makes one: secam keys invite")
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

    /// What tells this service from another one with the same registry; may be appended to another's text.
    package var service: String {
        """
        role=\(role)
        name=\(pattern)
        secret-key=\(keys.secretHexadecimal)

        """
    }
}
