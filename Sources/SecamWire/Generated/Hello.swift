// Generated from proto-spec/schema.json by `swift run secam-protocol`: do not edit.

/// HELLO: Begins a connection, from each end.
///
///     offset  size  field
///     0       2     protocol
///     2       2     idle
///     4       2+n   software
package struct Hello: WireMessage {
    package static let type = MessageType.hello
    package static let currentProtocol: UInt16 = 1
    /// Newest protocol that the sender speaks, not 0; this document is protocol 1.
    package let `protocol`: UInt16
    /// Gateway: idle timeout in seconds (usually 60), 0 for none; viewer: 0.
    package let idle: UInt16
    /// Name and version of the program.
    package let software: String

    package init(protocol: UInt16 = Hello.currentProtocol, idle: UInt16 = 0, software: String) {
        self.protocol = `protocol`
        self.idle = idle
        self.software = software
    }

    package init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
        `protocol` = try reader.integer("protocol", bytes)
        guard `protocol` > 0 else { throw .badValue(field: "protocol") }
        idle = try reader.integer("idle", bytes)
        software = try reader.text("software", limit: WireLimits.name, bytes)
    }

    package func write(_ writer: inout WireWriter) {
        writer.integer(`protocol`)
        writer.integer(idle)
        writer.text(software, limit: WireLimits.name)
    }
}
