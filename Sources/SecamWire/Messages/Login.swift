/// A viewer says who it is; the answer is `Welcome` or `Denied`.
///
///     offset  size  field
///     0       2+n   username  any text up to 64 bytes
///     ..      2+n   password  up to 1024 bytes
public struct Login: WireMessage {
    public static let type = MessageType.login
    public let username: String
    public let password: String

    public init(username: String, password: String) {
        self.username = username
        self.password = password
    }

    public init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
        username = try reader.text("username", limit: WireLimits.name, bytes)
        password = try reader.text("password", limit: WireLimits.password, bytes)
    }

    public func write(_ writer: inout WireWriter) {
        writer.text(username, limit: WireLimits.name)
        writer.text(password, limit: WireLimits.password)
    }
}
