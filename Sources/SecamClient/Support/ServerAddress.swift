/// A gateway's address: a host name or IP address, and a port.
package struct ServerAddress: Sendable, Hashable, CustomStringConvertible {
    /// Host name or IP address, without the brackets of an IPv6 address.
    package let host: String
    /// 1 to 65535.
    package let port: Int

    /// Parses `HOST:PORT`. An IPv6 address is in brackets, as in `[::1]:7443`.
    package init(_ text: String) throws(ClientError) {
        guard let colon = text.lastIndex(of: ":") else { throw .badServer(text) }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
            guard host.contains(":") else { throw .badServer(text) }
        } else if host.contains(":") {
            throw .badServer(text)
        }
        let digits = text[text.index(after: colon)...]
        guard !host.isEmpty, host.utf8.count <= 253, host.unicodeScalars.allSatisfy(Self.isAllowed),
            digits.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
            let port = UInt16(digits), port > 0
        else { throw .badServer(text) }
        self.host = host.lowercased()
        self.port = Int(port)
    }

    package var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

    /// Returns whether host names, addresses or interface scopes (`%eth0`) can contain a character.
    private static func isAllowed(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value > 0x7f
            ? scalar.properties.isAlphabetic
            : scalar.properties.isAlphabetic || scalar.properties.numericType != nil
                || ".-_:%".unicodeScalars.contains(scalar)
    }
}
