// Generated from proto-spec/schema.json by `swift run secam-protocol`: do not edit.

/// SHARE: Offers an encoder the memory file of a camera's raw pictures, or withdraws it.
///
///     offset  size  field
///     0       8     memory
///     8       2     slots
///     10      4     slotLength
///     14      32    ticket
///     46      2+n   socket
package struct Share: WireMessage {
    package static let type = MessageType.share
    /// Number of the memory file, unpredictable; 0 withdraws the file offered before.
    package let memory: UInt64
    /// Number of slots, at most 64.
    package let slots: UInt16
    /// Length of a slot, header included, bytes; at most 67 108 864.
    package let slotLength: UInt32
    /// Valid for one use of the socket, for 5 s.
    package let ticket: [UInt8]
    /// Name of the socket's file.
    package let socket: Name

    package init(memory: UInt64, slots: UInt16, slotLength: UInt32, ticket: [UInt8], socket: Name) {
        precondition(ticket.count == WireLimits.ticket)
        self.memory = memory
        self.slots = slots
        self.slotLength = slotLength
        self.ticket = ticket
        self.socket = socket
    }

    package init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
        memory = try reader.integer("memory", bytes)
        slots = try reader.integer("slots", bytes)
        guard Int(slots) <= WireLimits.slots else { throw .badValue(field: "slots") }
        slotLength = try reader.integer("slotLength", bytes)
        guard Int(slotLength) <= WireLimits.memoryFile else { throw .badValue(field: "slotLength") }
        ticket = try reader.bytes("ticket", count: WireLimits.ticket, bytes)
        socket = try reader.name("socket", bytes)
    }

    package func write(_ writer: inout WireWriter) {
        writer.integer(memory)
        writer.integer(slots)
        writer.integer(slotLength)
        writer.raw(ticket)
        writer.name(socket)
    }
}
