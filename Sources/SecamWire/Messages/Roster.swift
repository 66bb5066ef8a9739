/// All live members. The registry sends it after a join and at each change.
///
///     offset  type       field        meaning
///     0       u64        generation   grows with each change during one run of the registry
///     8       u8         settling     0 or 1; 1 while the registry itself has just started
///     9       zero 1     reserved
///     10      list 4096  members      for each:
///     +0      u8 Role    role
///     +1      zero 1     reserved
///     +2      u64        incarnation
///     +10     bytes 32   key          the member's CURVE public key
///     +42     name       name
///     ..      text 256   endpoint     address, relay:PORT, or empty if the member accepts no connections
///
/// While `settling` is 1, missing members may merely not have come back yet, so a reader adds and updates members but
/// does not remove any.
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
