/// The answer to PING.
///
///     offset  type  field  meaning
///     0       u64   token  token of the PING
package struct Pong: WireMessage {
    package static let type = MessageType.pong
    package let token: UInt64

    package init(token: UInt64) { self.token = token }

    package init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
        token = try reader.integer("token", bytes)
    }

    package func write(_ writer: inout WireWriter) { writer.integer(token) }
}
