// Generated from proto-spec/schema.json by `swift run secam-protocol`: do not edit.

/// ROSTER: Lists all live members.
///
///     offset  size  field
///     0       8     generation
///     8       1     settling
///     9       1     reserved
///     10      2     count of members; for each:
///     +0      1     role
///     +1      1     reserved
///     +2      8     incarnation
///     +10     32    key
///     +42     2+n   name
///     ..      2+n   endpoint
package struct Roster: WireMessage {
    package static let type = MessageType.roster
    /// Grows with each change during one run of the registry.
    package let generation: UInt64
    /// True while the registry itself has just started.
    package let settling: Bool
    package let members: [Member]

    /// An entry of `members`.
    package struct Member: WireElement, Sendable, Hashable {
        package let role: Role
        package let incarnation: UInt64
        /// The member's CURVE public key.
        package let key: [UInt8]
        package let name: Name
        /// Address, `relay:PORT`, or empty if the member accepts no connections.
        package let endpoint: String

        package init(role: Role, incarnation: UInt64, key: [UInt8], name: Name, endpoint: String) {
            precondition(key.count == WireLimits.key)
            self.role = role
            self.incarnation = incarnation
            self.key = key
            self.name = name
            self.endpoint = endpoint
        }

        init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
            role = try reader.choice("role", bytes)
            try reader.skip("reserved", count: 1)
            incarnation = try reader.integer("incarnation", bytes)
            key = try reader.bytes("key", count: WireLimits.key, bytes)
            name = try reader.name("name", bytes)
            endpoint = try reader.text("endpoint", limit: WireLimits.endpoint, bytes)
        }

        func write(_ writer: inout WireWriter) {
            writer.choice(role)
            writer.zeros(1)
            writer.integer(incarnation)
            writer.raw(key)
            writer.name(name)
            writer.text(endpoint, limit: WireLimits.endpoint)
        }
    }

    package init(generation: UInt64, settling: Bool, members: [Member]) {
        self.generation = generation
        self.settling = settling
        self.members = members
    }

    package init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
        generation = try reader.integer("generation", bytes)
        settling = try reader.flag("settling", bytes)
        try reader.skip("reserved", count: 1)
        members = try reader.list("count", limit: WireLimits.members, bytes)
    }

    package func write(_ writer: inout WireWriter) {
        writer.integer(generation)
        writer.flag(settling)
        writer.zeros(1)
        writer.list(members)
    }
}
