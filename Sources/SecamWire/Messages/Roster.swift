/// The registry's list of the members that live. Sent whole after a join and whenever it changes.
///
///     offset  size  field
///     0       8     generation  grows with each change while the registry lives
///     8       1     settling    1 while the registry itself has just started: members that are missing may only not
///                               have come back yet, so a reader adds but does not remove
///     9       1     reserved    0
///     10      2     count       of members; then for each:
///     +0      1     role
///     +1      1     reserved    0
///     +2      8     incarnation
///     +10     32    key         its CURVE public key
///     +42     2+n   name
///     ..      2+n   endpoint    empty when it accepts nobody
package struct Roster: WireMessage {
    package static let type = MessageType.roster
    package let generation: UInt64
    package let settling: Bool
    package let members: [Member]

    package struct Member: Sendable, Hashable {
        package let role: Role
        package let incarnation: UInt64
        /// CURVE public key, 32 bytes.
        package let key: [UInt8]
        package let name: Name
        package let endpoint: String

        package init(role: Role, incarnation: UInt64, key: [UInt8], name: Name, endpoint: String) {
            precondition(key.count == 32)
            self.role = role
            self.incarnation = incarnation
            self.key = key
            self.name = name
            self.endpoint = endpoint
        }
    }

    package init(generation: UInt64, settling: Bool, members: [Member]) {
        self.generation = generation
        self.settling = settling
        self.members = members
    }

    package init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
        generation = try reader.integer("generation", bytes)
        let flag = try reader.integer("settling", as: UInt8.self, bytes)
        guard flag <= 1 else { throw .badValue(field: "settling") }
        settling = flag == 1
        try reader.skip("reserved", count: 1)
        var list: [Member] = []
        for _ in 0..<(try reader.count("count", limit: WireLimits.members, bytes)) {
            let role = try reader.choice("role", as: Role.self, bytes)
            try reader.skip("reserved", count: 1)
            let incarnation = try reader.integer("incarnation", as: UInt64.self, bytes)
            let key = try reader.bytes("key", count: 32, bytes)
            let name = try reader.name("name", bytes)
            let endpoint = try reader.text("endpoint", limit: WireLimits.endpoint, bytes)
            list.append(
                Member(role: role, incarnation: incarnation, key: key, name: name, endpoint: endpoint))
        }
        members = list
    }

    package func write(_ writer: inout WireWriter) {
        writer.integer(generation)
        writer.integer(UInt8(settling ? 1 : 0))
        writer.integer(UInt8(0))
        writer.integer(UInt16(members.count))
        for member in members {
            writer.choice(member.role)
            writer.integer(UInt8(0))
            writer.integer(member.incarnation)
            writer.raw(member.key)
            writer.name(member.name)
            writer.text(member.endpoint, limit: WireLimits.endpoint)
        }
    }
}
