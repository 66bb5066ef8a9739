/// A service asks the registry to admit it.
///
///     offset  type      field        meaning
///     0       u8 Role   role
///     1       zero 1    reserved
///     2       u32       process      process id on the service's host
///     6       u64       incarnation  differs after each start
///     14      name      name         for role capture, the camera's name
///     ..      text 256  endpoint     address at which other services reach this one
///     ..      text 64   software     name and version of the program
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
