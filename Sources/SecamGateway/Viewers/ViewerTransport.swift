import NIOCore
import SecamTLS
import SecamWeb
import SecamWire

/// The way of messages to one viewer: a TLS stream, or a WebSocket on it. It also is the handler before the viewer's.
protocol ViewerTransport: AnyObject {
    /// Whether the viewer accepts data.
    var isWritable: Bool { get }
    /// Whether each read is one whole message. Otherwise reads are parts of a stream of messages.
    var deliversMessages: Bool { get }
    /// Sends a message past the channel pipeline, without a copy.
    ///
    /// - Returns: a future of the write; `nil` when the socket has accepted everything.
    func send(_ message: ByteBuffer) -> EventLoopFuture<Void>?
    /// Announces the end of the connection behind the last message.
    func end(_ reason: ByeReason)
}

extension TLSHandler: ViewerTransport {
    var deliversMessages: Bool { false }

    func send(_ message: ByteBuffer) -> EventLoopFuture<Void>? { send(header: ByteBuffer(), message) }

    func end(_ reason: ByeReason) {}
}

extension WebSocketHandler: ViewerTransport {
    var deliversMessages: Bool { true }

    func end(_ reason: ByeReason) {
        let code: UInt16 =
            switch reason {
            case .done: 1000
            case .malformed: 4400
            case .revoked: 4401
            case .idle: 4408
            case .overload: 4429
            case .shutdown: 4503
            }
        sendClose(code, "\(reason)")
    }
}
