/// Asks whether the other end lives; it answers with `Pong` and the same token.
///
///     offset  size  field
///     0       8     token  any number
public struct Ping: WireMessage {
    public static let type = MessageType.ping
    public let token: UInt64

    public init(token: UInt64) { self.token = token }

    public init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
        token = try reader.integer("token", bytes)
    }

    public func write(_ writer: inout WireWriter) { writer.integer(token) }
}
