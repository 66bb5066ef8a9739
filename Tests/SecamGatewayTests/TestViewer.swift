import NIOCore
import NIOPosix
import SecamGateway
import SecamTLS
import SecamWire

/// A viewer that sends any message and returns every message that it receives.
final class TestViewer: Sendable {
    struct Received: Sendable {
        let envelope: Envelope
        let bytes: [UInt8]
    }

    let channel: any Channel
    private let received: AsyncStream<Received>

    /// - Parameter source: the host's address from which the viewer connects.
    init(
        address: SocketAddress, fingerprint: CertificateFingerprint, source: String? = nil, receiveBuffer: Int? = nil
    ) async throws {
        let context = try TLSContext.client(
            trust: .fingerprint(fingerprint), serverName: "localhost",
            applicationProtocols: [Hello.applicationProtocol])
        let (stream, continuation) = AsyncStream<Received>.makeStream()
        received = stream
        var bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandlers([
                        TLSHandler(context: context), Collector(continuation),
                    ])
                }
            }
        if let receiveBuffer {
            bootstrap = bootstrap.channelOption(
                .socketOption(.so_rcvbuf), value: .init(receiveBuffer))
        }
        if let source { bootstrap = bootstrap.bind(to: try SocketAddress(ipAddress: source, port: 0)) }
        channel = try await bootstrap.connect(to: address).get()
    }

    func send(_ message: some WireMessage) { send(message.encoded()) }

    func send(_ bytes: [UInt8]) {
        channel.writeAndFlush(ByteBuffer(bytes: bytes), promise: nil)
    }

    /// Returns the next message; `nil` when the connection is closed.
    func next() async -> Received? {
        var iterator = received.makeAsyncIterator()
        return await iterator.next()
    }

    /// Returns the next message, which must be of this type.
    func next<Message: WireMessage>(_ type: Message.Type) async throws -> Message {
        guard let next = await next() else { throw HarnessError.closed(waitingFor: "\(type)") }
        guard next.envelope.type == type.type else {
            throw HarnessError.unexpected(next.envelope.type, expected: "\(type)")
        }
        return try Message.decode(next.bytes.span, next.envelope)
    }

    func nextFrame() async throws -> Frame {
        guard let next = await next() else { throw HarnessError.closed(waitingFor: "Frame") }
        guard next.envelope.type == .frame else {
            throw HarnessError.unexpected(next.envelope.type, expected: "Frame")
        }
        return try Frame.decode(next.bytes.span, next.envelope).message
    }

    func setReading(_ isReading: Bool) async throws {
        try await channel.setOption(.autoRead, value: isReading).get()
    }

    func close() async throws { try await channel.close() }
}

/// Splits the received bytes into messages.
private final class Collector: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let continuation: AsyncStream<TestViewer.Received>.Continuation
    private var decoder = StreamDecoder(limit: WireLimits.meshMessage)

    init(_ continuation: AsyncStream<TestViewer.Received>.Continuation) { self.continuation = continuation }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        decoder.append(unwrapInboundIn(data).readableBytesView)
        do {
            while case .message(let envelope, let bytes) = try decoder.next() {
                continuation.yield(TestViewer.Received(envelope: envelope, bytes: bytes))
            }
        } catch {
            context.close(promise: nil)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        continuation.finish()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}
