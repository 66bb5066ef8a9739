/// A viewer's login at the gateway.
///
///     offset  type       field     meaning
///     0       text 64    username  any text
///     ..      text 1024  password  any text
///     ..      u8         remember  since version 2: 0 or 1; 1 if the viewer stores a token for its next login
///     ..      bytes 32   token     since version 2: token of an earlier WELCOME to this user; zeros for none
package struct Login: WireMessage {
    package static let type = MessageType.login
    package static let version: UInt8 = 2
    /// Enough for the longest password, so that a growing array leaves no copy of a part of it in memory.
    package static let usualLength =
        Envelope.size + 2 + WireLimits.name + 2 + WireLimits.password + 1 + WireLimits.deviceToken
    package let username: String
    package let password: Secret
    package let remember: Bool
    package let token: [UInt8]

    /// - Parameter token: `WireLimits.deviceToken` bytes, or none.
    package init(username: String, password: Secret, remember: Bool = false, token: [UInt8] = []) {
        precondition(password.count <= WireLimits.password, "Login: password too long")
        precondition(token.isEmpty || token.count == WireLimits.deviceToken, "Login: token of a wrong length")
        self.username = username
        self.password = password
        self.remember = remember
        self.token = token.isEmpty ? DeviceToken.none : token
    }

    package init(username: String, password: String, remember: Bool = false, token: [UInt8] = []) {
        self.init(username: username, password: Secret(password), remember: remember, token: token)
    }

    package init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
        username = try reader.text("username", limit: WireLimits.name, bytes)
        password = try reader.secret("password", limit: WireLimits.password, bytes)
        guard reader.version >= 2 else {
            remember = false
            token = DeviceToken.none
            return
        }
        let flag = try reader.integer("remember", as: UInt8.self, bytes)
        guard flag <= 1 else { throw .badValue(field: "remember") }
        remember = flag == 1
        token = try reader.bytes("token", count: WireLimits.deviceToken, bytes)
    }

    package func write(_ writer: inout WireWriter) {
        writer.text(username, limit: WireLimits.name)
        writer.secret(password)
        writer.integer(UInt8(remember ? 1 : 0))
        writer.raw(token)
    }
}

/// A gateway's proof of an earlier login of a user on this device. It does not replace the password.
package enum DeviceToken {
    /// The encoding of no token.
    package static let none = [UInt8](repeating: 0, count: WireLimits.deviceToken)
}
