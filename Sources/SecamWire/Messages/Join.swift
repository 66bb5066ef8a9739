/// A service tells the registry that it is there; the answer is `Roster` or `Refused`.
///
///     offset  size  field
///     0       1     role
///     1       1     reserved     0
///     2       4     process      its process number on its host
///     6       8     incarnation  another one after each start
///     14      2+n   name
///     ..      2+n   endpoint     where others reach it, as ZeroMQ writes it; empty when it accepts nobody
///     ..      2+n   software     name and version of the program
package struct Join: WireMessage {
    package static let type = MessageType.join
    package let role: Role
    package let process: UInt32
    package let incarnation: UInt64
    package let name: Name
    package let endpoint: String
    package let software: String

    package init(
        role: Role, process: UInt32, incarnation: UInt64, name: Name, endpoint: String, software: String
    ) {
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
        writer.integer(UInt8(0))
        writer.integer(process)
        writer.integer(incarnation)
        writer.name(name)
        writer.text(endpoint, limit: WireLimits.endpoint)
        writer.text(software, limit: WireLimits.name)
    }
}
