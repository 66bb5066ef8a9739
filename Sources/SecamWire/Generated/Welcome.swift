// Generated from proto-spec/schema.json by `swift run secam-protocol`: do not edit.

/// WELCOME: Accepts a login.
///
///     offset  size  field
///     0       1     role
///     1       1     reserved
///     2       8     time
///     10      32    token, since version 2
package struct Welcome: WireMessage {
    package static let type = MessageType.welcome
    package static let version: UInt8 = 2
    package let role: UserRole
    /// The gateway's clock, UTC microseconds.
    package let time: Int64
    /// New device token; zeros for none.
    package let token: [UInt8]

    package init(role: UserRole, time: Int64, token: [UInt8] = []) {
        precondition(token.isEmpty || token.count == WireLimits.deviceToken)
        self.role = role
        self.time = time
        self.token = token.isEmpty ? DeviceToken.none : token
    }

    package init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
        role = try reader.choice("role", bytes)
        try reader.skip("reserved", count: 1)
        time = try reader.time("time", bytes)
        if reader.version >= 2 {
            token = try reader.bytes("token", count: WireLimits.deviceToken, bytes)
        } else {
            token = DeviceToken.none
        }
    }

    package func write(_ writer: inout WireWriter) {
        writer.choice(role)
        writer.zeros(1)
        writer.integer(time)
        writer.raw(token)
    }
}
