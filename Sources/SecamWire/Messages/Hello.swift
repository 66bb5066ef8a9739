/// The first message of each side of a viewer's connection.
///
///     offset  type     field     meaning
///     0       u16      protocol  newest protocol that the sender speaks, not 0; this document is protocol 1
///     2       u16      idle      gateway: idle timeout in seconds (usually 60), 0 for none; viewer: 0
///     4       text 64  software  name and version of the program
package struct Hello: WireMessage {
    package static let type = MessageType.hello
    package static let currentProtocol: UInt16 = 1
    package let `protocol`: UInt16
    /// Seconds.
    package let idle: UInt16
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
