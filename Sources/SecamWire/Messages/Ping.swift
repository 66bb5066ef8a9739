/// Asks whether the other end lives; it answers with `Pong` and the same token.
///
///     offset  size  field
///     0       8     token  any number
package struct Ping: WireMessage {
    package static let type = MessageType.ping
    package let token: UInt64

    package init(token: UInt64) { self.token = token }

    package init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
        token = try reader.integer("token", bytes)
    }

    package func write(_ writer: inout WireWriter) { writer.integer(token) }
}
