/// The answer to `Ping`.
///
///     offset  size  field
///     0       8     token  the one that was asked with
package struct Pong: WireMessage {
    package static let type = MessageType.pong
    package let token: UInt64

    package init(token: UInt64) { self.token = token }

    package init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
        token = try reader.integer("token", bytes)
    }

    package func write(_ writer: inout WireWriter) { writer.integer(token) }
}
