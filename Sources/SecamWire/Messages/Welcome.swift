/// The gateway accepts the login. CAMERAS follows.
///
///     offset  type         field     meaning
///     0       u8 UserRole  role
///     1       zero 1       reserved
///     2       i64          time      the gateway's clock, UTC microseconds
///     10      bytes 32     token     since version 2: new device token; zeros for none
package struct Welcome: WireMessage {
    package static let type = MessageType.welcome
    package static let version: UInt8 = 2
    package let role: UserRole
    /// UTC microseconds.
    package let time: Int64
    package let token: [UInt8]

    /// - Parameter token: `WireLimits.deviceToken` bytes, or none.
    package init(role: UserRole, time: Int64, token: [UInt8] = []) {
        precondition(token.isEmpty || token.count == WireLimits.deviceToken, "Welcome: token of a wrong length")
        self.role = role
        self.time = time
        self.token = token.isEmpty ? DeviceToken.none : token
    }

    package init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
        role = try reader.choice("role", bytes)
        try reader.skip("reserved", count: 1)
        time = try reader.time("time", bytes)
        token =
            reader.version >= 2 ? try reader.bytes("token", count: WireLimits.deviceToken, bytes) : DeviceToken.none
    }

    package func write(_ writer: inout WireWriter) {
        writer.choice(role)
        writer.integer(UInt8(0))
        writer.integer(time)
        writer.raw(token)
    }
}
