package import NIOCore
package import NIOHTTP1
import SecamBase

/// A response with a body of known length, or the head of a stream.
package struct HTTPResponse: Sendable {
    package enum Body: Sendable {
        case bytes(ByteBuffer)
        /// Bytes until the end of the connection.
        case stream
    }

    package let status: HTTPResponseStatus
    package var headers: [(name: String, value: String)]
    package let body: Body

    package init(
        _ status: HTTPResponseStatus, headers: [(name: String, value: String)] = [],
        body: Body = .bytes(ByteBuffer())
    ) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    package static func json(
        _ status: HTTPResponseStatus, _ text: String, headers: [(name: String, value: String)] = []
    ) -> HTTPResponse {
        HTTPResponse(
            status, headers: [("Content-Type", "application/json"), ("Cache-Control", "no-store")] + headers,
            body: .bytes(ByteBuffer(string: text + "\n")))
    }

    /// The one form of errors.
    ///
    /// - Parameters:
    ///   - code: a word for programs.
    ///   - retryAfter: seconds before another attempt can succeed.
    package static func error(
        _ status: HTTPResponseStatus, _ code: String, retryAfter: UInt32? = nil,
        headers: [(name: String, value: String)] = []
    ) -> HTTPResponse {
        var fields = [("error", JSONText.string(code))]
        var headers = headers
        if let retryAfter {
            fields.append(("retryAfter", "\(retryAfter)"))
            headers.append(("Retry-After", "\(max(1, retryAfter))"))
        }
        return json(status, JSONText.object(fields), headers: headers)
    }

    static let noContent = HTTPResponse(.noContent, headers: [("Cache-Control", "no-store")])

    /// Headers of every response. They keep pages of other sites, and injected scripts, away from ours.
    private static let security = [
        (
            "Content-Security-Policy",
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
                + "worker-src 'self'; manifest-src 'self'; media-src 'self' blob:; base-uri 'none'; form-action 'none'; "
                + "frame-ancestors 'none'"
        ),
        ("X-Content-Type-Options", "nosniff"),
        ("X-Frame-Options", "DENY"),
        ("Referrer-Policy", "no-referrer"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
    ]

    private static let strictTransport = ("Strict-Transport-Security", "max-age=31536000")

    /// Returns the bytes of the head.
    ///
    /// - Parameters:
    ///   - isTrusted: whether browsers trust the certificate, so that they may be told to insist on it.
    ///   - closes: whether the connection ends after the response.
    func head(isTrusted: Bool, closes: Bool) -> ByteBuffer {
        var text = "HTTP/1.1 \(status.code) \(status.reasonPhrase)\r\n"
        func add(_ name: String, _ value: String) { text += "\(name): \(value)\r\n" }
        for (name, value) in headers { add(name, value) }
        for (name, value) in Self.security { add(name, value) }
        if isTrusted { add(Self.strictTransport.0, Self.strictTransport.1) }
        if !headers.contains(where: { $0.name == "Cross-Origin-Resource-Policy" }) {
            add("Cross-Origin-Resource-Policy", "same-origin")
        }
        if case .bytes(let bytes) = body, status != .switchingProtocols, status != .noContent, status != .notModified {
            add("Content-Length", "\(bytes.readableBytes)")
        }
        if closes { add("Connection", "close") }
        return ByteBuffer(string: text + "\r\n")
    }
}
