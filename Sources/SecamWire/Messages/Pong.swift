/// The answer to `Ping`.
///
///     offset  size  field
///     0       8     token  the one that was asked with
public struct Pong: WireMessage {
    public static let type = MessageType.pong
    public let token: UInt64

    public init(token: UInt64) { self.token = token }

    public init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
        token = try reader.integer("token", bytes)
    }

    public func write(_ writer: inout WireWriter) { writer.integer(token) }
}
