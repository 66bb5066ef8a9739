/// The gateway has accepted the login; `Cameras` follows.
///
///     offset  size  field
///     0       1     role   1 admin, 2 viewer
///     1       1     reserved  0
///     2       8     time   the gateway's clock, UTC microseconds
public struct Welcome: WireMessage {
    public static let type = MessageType.welcome
    public let role: UserRole
    /// UTC microseconds.
    public let time: Int64

    public init(role: UserRole, time: Int64) {
        self.role = role
        self.time = time
    }

    public init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
        role = try reader.choice("role", bytes)
        try reader.skip("reserved", count: 1)
        time = try reader.integer("time", bytes)
    }

    public func write(_ writer: inout WireWriter) {
        writer.choice(role)
        writer.integer(UInt8(0))
        writer.integer(time)
    }
}
