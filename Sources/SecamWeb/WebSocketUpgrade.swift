import NIOHTTP1
import SecamCrypto

/// The check of a request to become a WebSocket (RFC 6455 §4.2).
enum WebSocketUpgrade {
    /// The subprotocol: each binary message is one message of the viewer protocol.
    static let subprotocol = "secam.1"

    /// Returns the response that switches the protocol, or the refusal.
    static func response(to request: HTTPRequest) -> HTTPResponse {
        guard request.headers[canonicalForm: "upgrade"].contains(where: { $0.lowercased() == "websocket" }),
            request.headers[canonicalForm: "connection"].contains(where: { $0.lowercased() == "upgrade" })
        else {
            return .error(.upgradeRequired, "upgrade", headers: [("Upgrade", "websocket")])
        }
        guard request.headers["sec-websocket-version"] == ["13"] else {
            return .error(.upgradeRequired, "version", headers: [("Sec-WebSocket-Version", "13")])
        }
        let keys = request.headers["sec-websocket-key"]
        guard keys.count == 1, let key = keys.first, Base64.decode(padded: key)?.count == 16 else {
            return .error(.badRequest, "badRequest")
        }
        guard request.headers[canonicalForm: "sec-websocket-protocol"].contains(where: { $0 == subprotocol }) else {
            return .error(.badRequest, "subprotocol")
        }
        guard let accept = acceptance(of: key) else { return .error(.internalServerError, "internal") }
        return HTTPResponse(
            .switchingProtocols,
            headers: [
                ("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", accept),
                ("Sec-WebSocket-Protocol", subprotocol),
            ])
    }

    /// Returns the proof that the server understood the handshake: a hash that the RFC prescribes, not a secret.
    static func acceptance(of key: String) -> String? {
        let text = key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        return (try? SHA1Digest.hash(Array(text.utf8))).map { Base64.encode($0, padded: true) }
    }
}
