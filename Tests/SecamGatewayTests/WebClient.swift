import NIOCore
import NIOPosix
import SecamGateway
import SecamTLS
import SecamTestSupport
import SecamWire

/// A client of the gateway's HTTP port that sends any bytes: requests, and the frames of a WebSocket.
final class WebClient: Sendable {
    struct Response: Sendable {
        let status: Int
        let headers: [(name: String, value: String)]
        let body: [UInt8]

        var text: String { String(decoding: body, as: UTF8.self) }

        func header(_ name: String) -> String? { headers.first { $0.name.lowercased() == name.lowercased() }?.value }

        /// The cookies that the response sets, in the form in which a browser sends them.
        var cookies: [String] {
            headers.filter { $0.name == "Set-Cookie" }.map { String($0.value.prefix { $0 != ";" }) }
        }
    }

    /// A frame from the server.
    struct Frame: Sendable, Equatable {
        let opcode: UInt8
        let payload: [UInt8]

        /// The code of a close frame.
        var closeCode: Int? { opcode == 8 && payload.count >= 2 ? Int(payload[0]) << 8 | Int(payload[1]) : nil }
    }

    let channel: any Channel
    private let host: String
    private let received: AsyncStream<[UInt8]>
    private let rest = Rest()

    /// The bytes that are not used yet. One task uses a client.
    private actor Rest {
        var bytes: [UInt8] = []

        func append(_ more: [UInt8]) { bytes += more }

        func read(_ count: Int) -> [UInt8] {
            defer { bytes.removeFirst(count) }
            return Array(bytes.prefix(count))
        }
    }

    /// - Parameter applicationProtocol: `nil` for HTTP.
    init(
        address: SocketAddress, fingerprint: CertificateFingerprint, applicationProtocol: String? = nil,
        receiveBuffer: Int? = nil
    ) async throws {
        let context = try TLSContext.client(
            trust: .fingerprint(fingerprint), serverName: "localhost",
            applicationProtocols: [applicationProtocol ?? ViewerServer.webProtocol])
        let (stream, continuation) = AsyncStream<[UInt8]>.makeStream()
        received = stream
        host = "localhost:\(address.port ?? 0)"
        var bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandlers([
                        TLSHandler(context: context), ByteCollector(continuation),
                    ])
                }
            }
        if let receiveBuffer {
            bootstrap = bootstrap.channelOption(.socketOption(.so_rcvbuf), value: .init(receiveBuffer))
        }
        channel = try await bootstrap.connect(to: address).get()
    }

    var origin: String { "https://\(host)" }

    func send(_ bytes: [UInt8]) { channel.writeAndFlush(ByteBuffer(bytes: bytes), promise: nil) }

    func send(_ text: String) { send(Array(text.utf8)) }

    func close() async throws { try await channel.close() }

    // MARK: - HTTP

    /// Sends a request without waiting.
    func sendRequest(_ method: String, _ path: String, _ headers: [String] = [], body: String? = nil) {
        var lines = ["\(method) \(path) HTTP/1.1", "Host: \(host)"] + headers
        if let body { lines.append("Content-Length: \(body.utf8.count)") }
        send(lines.joined(separator: "\r\n") + "\r\n\r\n" + (body ?? ""))
    }

    func request(
        _ method: String, _ path: String, _ headers: [String] = [], body: String? = nil
    ) async throws -> Response {
        sendRequest(method, path, headers, body: body)
        return try await response(hasBody: method != "HEAD")
    }

    func logIn(_ user: String, _ password: String, _ headers: [String] = []) async throws -> Response {
        try await request(
            "POST", "/api/v1/session", ["Content-Type: application/json"] + headers,
            body: "{\"user\":\"\(user)\",\"password\":\"\(password)\"}")
    }

    /// Returns the next response.
    func response(hasBody: Bool = true) async throws -> Response {
        let (status, headers) = try await head()
        let length = headers.first { $0.name.lowercased() == "content-length" }.flatMap { Int($0.value) } ?? 0
        return Response(status: status, headers: headers, body: hasBody ? try await bytes(length) : [])
    }

    private func head() async throws -> (status: Int, headers: [(name: String, value: String)]) {
        var lines = try await line(until: "\r\n\r\n").split(separator: "\r\n").map(String.init)[...]
        let words = lines.popFirst()?.split(separator: " ") ?? []
        let headers = lines.map { line -> (name: String, value: String) in
            let name = line.prefix { $0 != ":" }
            return (String(name), String(line.dropFirst(name.count + 2)))
        }
        return (words.count > 1 ? Int(words[1]) ?? 0 : 0, headers)
    }

    /// Returns the received text up to and with this ending.
    func line(until ending: String) async throws -> String {
        let ending = Array(ending.utf8)
        while true {
            let bytes = await rest.bytes
            if let end = bytes.indices.first(where: { bytes[$0...].starts(with: ending) }) {
                return String(decoding: await rest.read(end + ending.count), as: UTF8.self)
            }
            try await receive("the end of a line; received \(String(decoding: bytes.prefix(200), as: UTF8.self))")
        }
    }

    func bytes(_ count: Int) async throws -> [UInt8] {
        while await rest.bytes.count < count { try await receive("\(count) bytes") }
        return await rest.read(count)
    }

    private func receive(_ what: String) async throws {
        var iterator = received.makeAsyncIterator()
        guard let more = await iterator.next() else { throw TestFailure("closed while waiting for \(what)") }
        await rest.append(more)
    }

    /// Waits until the server has closed the connection.
    ///
    /// - Returns: the bytes before that.
    func closed() async -> [UInt8] {
        while (try? await receive("the end")) != nil {}
        return await rest.read(rest.bytes.count)
    }

    // MARK: - WebSocket

    static let upgrade = [
        "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Protocol: secam.1",
    ]

    func openWebSocket(_ cookies: [String]) async throws -> Response {
        try await request(
            "GET", "/ws", Self.upgrade + ["Origin: \(origin)", "Cookie: \(cookies.joined(separator: "; "))"])
    }

    /// Sends a frame.
    ///
    /// - Parameter first: the first byte, opcode and flags.
    func sendFrame(_ first: UInt8, _ payload: [UInt8], isMasked: Bool = true) {
        var frame: [UInt8] = [first]
        let flag: UInt8 = isMasked ? 0x80 : 0
        if payload.count < 126 {
            frame.append(flag | UInt8(payload.count))
        } else {
            frame += [flag | 126, UInt8(payload.count >> 8), UInt8(payload.count & 0xff)]
        }
        let mask: [UInt8] = [7, 1, 2, 250]
        if isMasked { frame += mask }
        frame += payload.enumerated().map { isMasked ? $0.element ^ mask[$0.offset & 3] : $0.element }
        send(frame)
    }

    func send(_ message: some WireMessage) { sendFrame(0x82, message.encoded()) }

    func frame() async throws -> Frame {
        let start = try await bytes(2)
        var count = Int(start[1])
        if count == 126 || count == 127 {
            count = try await bytes(count == 126 ? 2 : 8).reduce(0) { $0 << 8 | Int($1) }
        }
        return Frame(opcode: start[0] & 0x0f, payload: try await bytes(count))
    }

    /// Returns the next message with its envelope. Pings are skipped.
    func message() async throws -> (envelope: Envelope, bytes: [UInt8]) {
        var next = try await frame()
        while next.opcode == 9 { next = try await frame() }
        guard next.opcode == 2 else { throw TestFailure("not a message: \(next)") }
        return (try Envelope.readWhole(next.payload.span, limit: WireLimits.meshMessage), next.payload)
    }

    func next<Message: WireMessage>(_ type: Message.Type) async throws -> Message {
        let (envelope, bytes) = try await message()
        return try Message.decode(bytes.span, envelope)
    }

    func nextFrame() async throws -> SecamWire.Frame {
        let (envelope, bytes) = try await message()
        return try SecamWire.Frame.decode(bytes.span, envelope).message
    }
}

private final class ByteCollector: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let continuation: AsyncStream<[UInt8]>.Continuation

    init(_ continuation: AsyncStream<[UInt8]>.Continuation) { self.continuation = continuation }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        continuation.yield(Array(unwrapInboundIn(data).readableBytesView))
    }

    func channelInactive(context: ChannelHandlerContext) { continuation.finish() }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}

extension ViewerHarness {
    func web(receiveBuffer: Int? = nil) async throws -> WebClient {
        try await WebClient(address: address, fingerprint: fingerprint, receiveBuffer: receiveBuffer)
    }

    /// Logs a user in.
    ///
    /// - Returns: the cookies.
    func cookies(_ user: String = "anna") async throws -> [String] {
        let client = try await web()
        defer { client.channel.close(promise: nil) }
        let response = try await client.logIn(user, Self.password)
        guard response.status == 204 else { throw TestFailure("login refused: \(response)") }
        return response.cookies
    }

    /// Returns a WebSocket that has received WELCOME and its first CAMERAS.
    func webViewer(
        _ cookies: [String], receiveBuffer: Int? = nil
    ) async throws -> (client: WebClient, cameras: Cameras) {
        let client = try await web(receiveBuffer: receiveBuffer)
        let response = try await client.openWebSocket(cookies)
        guard response.status == 101 else { throw TestFailure("no WebSocket: \(response)") }
        _ = try await client.next(Welcome.self)
        return (client, try await client.next(Cameras.self))
    }
}
