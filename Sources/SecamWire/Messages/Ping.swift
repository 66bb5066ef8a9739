/// Asks the peer for a sign of life, which answers with PONG and the same token.
///
///     offset  type  field  meaning
///     0       u64   token  any number
package struct Ping: WireMessage {
    package static let type = MessageType.ping
    package let token: UInt64

    package init(token: UInt64) { self.token = token }

    package init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
        token = try reader.integer("token", bytes)
    }

    package func write(_ writer: inout WireWriter) { writer.integer(token) }
}
