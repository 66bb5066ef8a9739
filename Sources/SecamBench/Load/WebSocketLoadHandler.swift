import NIOCore
import SecamBase
import SecamProcess
import Synchronization

/// The login of all browsers of a load: the first one logs in, and the others use its cookie, as the windows of one browser
/// do.
final class WebLogin: Sendable {
    let authority: String
    let username: String
    let password: String
    private let storedCookie = Mutex<String?>(nil)

    var cookie: String? {
        get { storedCookie.withLock { $0 } }
        set { storedCookie.withLock { $0 = newValue } }
    }

    /// - Parameter authority: host and port of the gateway.
    init(authority: String, username: String, password: String) {
        self.authority = authority
        self.username = username
        self.password = password
    }
}

/// A browser's end of a WebSocket (RFC 6455), below a viewer: it logs in over HTTP, opens the WebSocket, and passes on the
/// messages in its frames. The viewer becomes active with the open WebSocket.
final class WebSocketLoadHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    private enum State {
        case loggingIn
        case upgrading
        /// At the start of a frame.
        case frame
        /// Within a frame's payload. `rest` is the number of missing bytes.
        case payload(opcode: UInt8, rest: Int)
        case failed
    }

    private static let pong: UInt8 = 0x8a
    private static let binary: UInt8 = 0x82
    private static let headLimit = 16 << 10

    private let login: WebLogin
    private var state = State.loggingIn
    /// Received bytes that have not been parsed.
    private var received = ByteBuffer()

    init(_ login: WebLogin) { self.login = login }

    func channelActive(context: ChannelHandlerContext) {
        guard login.cookie == nil else { return requestUpgrade(context) }
        let body = JSONText.object([
            "user": JSONText.string(login.username), "password": JSONText.string(login.password),
        ])
        send(
            "POST /api/v1/session HTTP/1.1\r\nHost: \(login.authority)\r\nContent-Type: application/json\r\n"
                + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)", context)
    }

    private func requestUpgrade(_ context: ChannelHandlerContext) {
        state = .upgrading
        // The key only shows that the server speaks WebSocket.
        send(
            "GET /ws HTTP/1.1\r\nHost: \(login.authority)\r\nOrigin: https://\(login.authority)\r\n"
                + "Cookie: \(login.cookie ?? "")\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: secam.1\r\n"
                + "Sec-WebSocket-Key: c2VjYW0gYmVuY2htYXJrIQ==\r\n\r\n", context)
    }

    private func send(_ text: String, _ context: ChannelHandlerContext) {
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
    }

    // MARK: - From the gateway

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var buffer = unwrapInboundIn(data)
        received.writeBuffer(&buffer)
        do throws(Failure) {
            while try advance(context) {}
        } catch {
            state = .failed
            context.fireErrorCaught(error)
        }
        received.discardReadBytes()
    }

    /// - Returns: whether more can be understood.
    private func advance(_ context: ChannelHandlerContext) throws(Failure) -> Bool {
        switch state {
        case .loggingIn:
            guard let head = try head() else { return false }
            let cookies = head.filter { $0.lowercased().hasPrefix("set-cookie: ") }
                .compactMap { $0.dropFirst("set-cookie: ".count).split(separator: ";").first }
            guard head[0].contains(" 204 "), !cookies.isEmpty else { throw Failure(description: "login: \(head[0])") }
            login.cookie = cookies.joined(separator: "; ")
            requestUpgrade(context)
        case .upgrading:
            guard let head = try head() else { return false }
            guard head[0].contains(" 101 ") else { throw Failure(description: "WebSocket: \(head[0])") }
            state = .frame
            context.fireChannelActive()
        case .frame: return try beginFrame()
        case .payload(let opcode, let rest): return try passPayload(opcode, rest, context)
        case .failed: return false
        }
        return true
    }

    /// Removes and returns the lines of a head; `nil` while it is incomplete.
    private func head() throws(Failure) -> [Substring]? {
        let bytes = received.readableBytesView
        // Frames may follow in the same read.
        guard let end = bytes.firstRange(of: Array("\r\n\r\n".utf8)) else {
            guard bytes.count <= Self.headLimit else { throw Failure(description: "a head of \(bytes.count) bytes") }
            return nil
        }
        let head = String(decoding: bytes[..<end.lowerBound], as: UTF8.self)
        received.moveReaderIndex(forwardBy: head.utf8.count + 4)
        return head.split(separator: "\r\n")
    }

    /// Reads the header of a frame.
    ///
    /// - Returns: whether it is complete.
    private func beginFrame() throws(Failure) -> Bool {
        let start = received.readerIndex
        guard let first: UInt8 = received.getInteger(at: start), let second: UInt8 = received.getInteger(at: start + 1)
        else { return false }
        guard second & 0x80 == 0 else { throw Failure(description: "the gateway masks a frame") }
        let length: Int
        let headerLength: Int
        switch second {
        case 126:
            guard let long: UInt16 = received.getInteger(at: start + 2) else { return false }
            (length, headerLength) = (Int(long), 4)
        case 127:
            guard let long: UInt64 = received.getInteger(at: start + 2) else { return false }
            (length, headerLength) = (Int(clamping: long), 10)
        default: (length, headerLength) = (Int(second), 2)
        }
        received.moveReaderIndex(forwardBy: headerLength)
        state = .payload(opcode: first & 0x0f, rest: length)
        return true
    }

    /// - Returns: whether more can be understood.
    private func passPayload(_ opcode: UInt8, _ rest: Int, _ context: ChannelHandlerContext) throws(Failure) -> Bool {
        let isControl = opcode & 8 != 0
        guard !isControl || received.readableBytes >= rest else { return false }
        guard let part = received.readSlice(length: min(rest, received.readableBytes)) else { return false }
        let left = rest - part.readableBytes
        state = left == 0 ? .frame : .payload(opcode: opcode, rest: left)
        switch opcode {
        case 0, 2: context.fireChannelRead(wrapInboundOut(part))
        case 9: sendFrame(Self.pong, part, context, promise: nil)
        case 10: break
        default: throw Failure(description: "the gateway closed the WebSocket")
        }
        return left == 0 || received.readableBytes > 0
    }

    // MARK: - To the gateway

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        sendFrame(Self.binary, unwrapOutboundIn(data), context, promise: promise)
    }

    private func sendFrame(
        _ first: UInt8, _ payload: ByteBuffer, _ context: ChannelHandlerContext, promise: EventLoopPromise<Void>?
    ) {
        var frame = context.channel.allocator.buffer(capacity: payload.readableBytes + 14)
        frame.writeInteger(first)
        if payload.readableBytes < 126 {
            frame.writeInteger(0x80 | UInt8(payload.readableBytes))
        } else {
            frame.writeInteger(0x80 | 126 as UInt8)
            frame.writeInteger(UInt16(payload.readableBytes))
        }
        // A mask of zeros leaves the payload as it is.
        frame.writeInteger(0 as UInt32)
        frame.writeImmutableBuffer(payload)
        context.writeAndFlush(wrapOutboundOut(frame), promise: promise)
    }
}

@available(*, unavailable)
extension WebSocketLoadHandler: Sendable {}
