package import NIOCore
package import NIOHTTP1

/// A whole request.
package struct HTTPRequest: Sendable {
    package let method: HTTPMethod
    /// The percent-decoded segments of the path: empty for `/`.
    package let path: [String]
    /// The percent-decoded parameters of the query.
    package let query: [String: String]
    package let headers: HTTPHeaders
    package let body: ByteBuffer
    let isKeepAlive: Bool

    /// - Throws: the status of the refusal.
    init(head: HTTPRequestHead, body: ByteBuffer) throws(Malformed) {
        method = head.method
        headers = head.headers
        self.body = body
        isKeepAlive = head.isKeepAlive
        guard head.headers["host"].count == 1, head.headers["content-length"].count <= 1 else { throw Malformed() }
        guard head.uri.utf8.first == UInt8(ascii: "/") else { throw Malformed() }
        let parts = head.uri.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        var path: [String] = []
        for segment in parts[0].dropFirst().split(separator: "/", omittingEmptySubsequences: false) {
            guard let text = Self.decode(segment) else { throw Malformed() }
            path.append(text)
        }
        self.path = path == [""] ? [] : path
        var query: [String: String] = [:]
        for pair in parts.count > 1 ? parts[1].split(separator: "&") : [] {
            let sides = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = Self.decode(sides[0]), let value = sides.count > 1 ? Self.decode(sides[1]) : "",
                query.updateValue(value, forKey: name) == nil
            else { throw Malformed() }
        }
        self.query = query
    }

    /// The request cannot be understood.
    struct Malformed: Error {}

    /// Decodes `%20`. Bytes that are no UTF-8 are refused.
    private static func decode(_ text: Substring) -> String? {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = rest.popFirst().flatMap(hexadecimal), let low = rest.popFirst().flatMap(hexadecimal) else {
                return nil
            }
            bytes.append(high << 4 | low)
        }
        return String(validating: bytes, as: UTF8.self)
    }

    private static func hexadecimal(_ digit: UInt8) -> UInt8? {
        Character(Unicode.Scalar(digit)).hexDigitValue.map(UInt8.init)
    }

    /// Returns the value of a cookie of this name; `nil` without it, and when there are several.
    func cookie(_ name: String) -> String? {
        let pairs = headers["cookie"].flatMap { $0.split(separator: ";") }
        let values = pairs.compactMap { pair -> Substring? in
            let trimmed = pair.drop { $0 == " " }
            return trimmed.hasPrefix(name + "=") ? trimmed.dropFirst(name.utf8.count + 1) : nil
        }
        return values.count == 1 ? String(values[0]) : nil
    }

    /// The fields of a body in JSON; `nil` for another type, which a form of another site could send, and another form.
    var jsonFields: [String: JSONFields.Value]? {
        guard let type = headers.first(name: "content-type"),
            type.split(separator: ";").first?.lowercased() == "application/json"
        else { return nil }
        return JSONFields.parse(Array(body.readableBytesView))
    }

    /// Where a browser says that the request comes from.
    enum Origin: Equatable {
        /// From no page of a browser, or from one that does not say.
        case none
        case own
        case foreign
    }

    /// Compares the `Origin` header with the name by which the client reached this server.
    var origin: Origin {
        let origins = headers["origin"]
        guard let origin = origins.first else { return .none }
        let prefix = "https://"
        guard origins.count == 1, let host = headers.first(name: "host"), origin.lowercased().hasPrefix(prefix) else {
            return .foreign
        }
        return Self.authority(origin.dropFirst(prefix.utf8.count)) == Self.authority(host[...]) ? .own : .foreign
    }

    /// Returns host and port in one form, in which the port of HTTPS is left out.
    private static func authority(_ text: Substring) -> String {
        let lower = text.lowercased()
        return lower.hasSuffix(":443") ? String(lower.dropLast(4)) : lower
    }
}
