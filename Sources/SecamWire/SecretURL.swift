/// An address that may hold a password, such as a camera's or a webhook's. Printing shows the redacted form.
package struct SecretURL: Sendable, Hashable, ExpressibleByStringLiteral {
    /// The complete address, for the library that connects to it.
    package let revealed: String

    package init(_ text: String) { revealed = text }

    package init(stringLiteral text: String) { revealed = text }

    /// Whether the address contains a user name.
    package var hasUser: Bool { authority?.contains("@") ?? false }

    /// Whether the address contains a user, a password or a query.
    package var holdsSecret: Bool { description != revealed }

    /// Whether the apparent host has a port that is not a number. That happens after a `/`, `?` or `#` in a password
    /// that is not percent-encoded: `rtsp://admin:pass#word@host/`.
    package var hasBrokenPort: Bool {
        guard let authority else { return false }
        let host = authority.lastIndex(of: "@").map { authority[authority.index(after: $0)...] } ?? authority
        // An IPv6 address contains colons.
        let afterAddress = host.lastIndex(of: "]").map { host[$0...] } ?? host
        guard let colon = afterAddress.firstIndex(of: ":") else { return false }
        let port = afterAddress[afterAddress.index(after: colon)...]
        return !port.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    }

    /// Whether the position of the password is ambiguous: a `@` follows a `/`, `?` or `#`.
    package var isAmbiguous: Bool { authority.map { revealed[$0.endIndex...].contains("@") } ?? false }

    /// Returns the address with a user and a password, percent-encoded.
    package func adding(user: String, password: String) -> SecretURL {
        guard let scheme = revealed.firstRange(of: "://") else { return self }
        let login = Self.percentEncoded(user) + ":" + Self.percentEncoded(password)
        return SecretURL("\(revealed[..<scheme.upperBound])\(login)@\(revealed[scheme.upperBound...])")
    }

    private var authority: Substring? {
        revealed.firstRange(of: "://").map { revealed[$0.upperBound...].prefix { !"/?#".contains($0) } }
    }

    private static func percentEncoded(_ text: String) -> String {
        let digits = Array("0123456789ABCDEF")
        return text.utf8.reduce(into: "") { encoded, byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x2d, 0x2e, 0x5f, 0x7e:
                encoded.unicodeScalars.append(Unicode.Scalar(byte))
            default: encoded += "%\(digits[Int(byte >> 4)])\(digits[Int(byte & 15)])"
            }
        }
    }
}

extension SecretURL: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The address without user, password and query. If an unencoded `@`, `/`, `?` or `#` makes the password's position
    /// ambiguous, only the scheme is shown.
    package var description: String {
        guard let scheme = revealed.firstRange(of: "://"), let authority else { return revealed }
        let rest = revealed[authority.endIndex...]
        guard !isAmbiguous else { return "\(revealed[..<scheme.upperBound])…" }
        let host = authority.lastIndex(of: "@").map { "…" + authority[$0...] } ?? String(authority)
        let path = rest.prefix { $0 != "?" && $0 != "#" }
        return revealed[..<scheme.upperBound] + host + path + (path.endIndex < rest.endIndex ? "?…" : "")
    }

    package var debugDescription: String { description }
    package var customMirror: Mirror { Mirror(self, children: []) }
}
