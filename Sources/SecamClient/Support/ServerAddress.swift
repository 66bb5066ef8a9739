import SecamBase

/// A gateway's address: a host name or IP address, and a port.
package struct ServerAddress: Sendable, Hashable, CustomStringConvertible {
    /// Host name or IP address, without the brackets of an IPv6 address.
    package let host: String
    /// 1 to 65535.
    package let port: Int

    /// Parses `HOST:PORT`. An IPv6 address is in brackets, as in `[::1]:7443`.
    package init(_ text: String) throws(ClientError) {
        guard let address = HostPort(text), address.port > 0, address.host.utf8.count <= 253,
            address.host.unicodeScalars.allSatisfy(Self.isAllowed)
        else { throw .badServer(text) }
        host = address.host.lowercased()
        port = Int(address.port)
    }

    package var description: String { "\(HostPort(host: host, port: UInt16(port)))" }

    /// Returns whether host names, addresses or interface scopes (`%eth0`) can contain a character.
    private static func isAllowed(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value > 0x7f
            ? scalar.properties.isAlphabetic
            : scalar.properties.isAlphabetic || scalar.properties.numericType != nil
                || ".-_:%".unicodeScalars.contains(scalar)
    }
}
