// Generated from proto-spec/schema.json by `swift run secam-protocol`: do not edit.

/// JOIN: Asks the registry to admit a service.
///
///     offset  size  field
///     0       1     role
///     1       1     reserved
///     2       4     process
///     6       8     incarnation
///     14      2+n   name
///     ..      2+n   endpoint
///     ..      2+n   software
package struct Join: WireMessage {
    package static let type = MessageType.join
    package let role: Role
    /// Process id on the service's host.
    package let process: UInt32
    /// Differs after each start.
    package let incarnation: UInt64
    /// For role capture, the camera's name.
    package let name: Name
    /// Address at which other services reach this one.
    package let endpoint: String
    /// Name and version of the program.
    package let software: String

    package init(role: Role, process: UInt32, incarnation: UInt64, name: Name, endpoint: String, software: String) {
        self.role = role
        self.process = process
        self.incarnation = incarnation
        self.name = name
        self.endpoint = endpoint
        self.software = software
    }

    package init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
        role = try reader.choice("role", bytes)
        try reader.skip("reserved", count: 1)
        process = try reader.integer("process", bytes)
        incarnation = try reader.integer("incarnation", bytes)
        name = try reader.name("name", bytes)
        endpoint = try reader.text("endpoint", limit: WireLimits.endpoint, bytes)
        software = try reader.text("software", limit: WireLimits.name, bytes)
    }

    package func write(_ writer: inout WireWriter) {
        writer.choice(role)
        writer.zeros(1)
        writer.integer(process)
        writer.integer(incarnation)
        writer.name(name)
        writer.text(endpoint, limit: WireLimits.endpoint)
        writer.text(software, limit: WireLimits.name)
    }
}
