import NIOCore
import NIOPosix
import SecamTestSupport
import Synchronization
import Testing

@testable import SecamTLS

/// `TLSHandler.send` on real sockets, bypassing the channel.
@Suite struct DirectSendTests {
    private let clientGroup = MultiThreadedEventLoopGroup(numberOfThreads: 1)

    /// The number of sends that waited and that did not.
    private final class Outcome: Sendable {
        let sentAtOnce = Atomic<Int>(0)
        let waitedFor = Atomic<Int>(0)
        let failed = Atomic<Int>(0)
    }

    /// Runs on the server's event loop with its handler after the handshake.
    private final class Application: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        let start: (ChannelHandlerContext) -> Void

        init(_ start: @escaping (ChannelHandlerContext) -> Void) {
            self.start = start
        }

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            if event is TLSEvent { start(context) }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            context.close(promise: nil)
        }
    }

    private final class Received: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        let bytes: EventLoopPromise<ByteBuffer>
        private var buffer = ByteBuffer()
        private let wanted: Int

        init(_ wanted: Int, _ bytes: EventLoopPromise<ByteBuffer>) {
            self.wanted = wanted
            self.bytes = bytes
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            buffer.writeImmutableBuffer(unwrapInboundIn(data))
            if buffer.readableBytes >= wanted { bytes.succeed(buffer) }
        }

        func channelInactive(context: ChannelHandlerContext) {
            bytes.succeed(buffer)
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            bytes.fail(error)
        }
    }

    private func serve(
        _ folder: borrowing ScratchFolder, sendBuffer: Int,
        _ start: @escaping @Sendable (TLSHandler, ChannelHandlerContext) -> Void
    ) async throws -> (server: any Channel, client: TLSContext) {
        let identity = try folder.identity()
        let context = try TLSContext.server(identity: identity, applicationProtocols: ["secam/1"])
        let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelOption(.socketOption(.so_sndbuf), value: .init(sendBuffer))
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let tls = try TLSHandler(context: context)
                    try channel.pipeline.syncOperations.addHandlers([tls, Application { start(tls, $0) }])
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let client = try TLSContext.client(
            trust: .fingerprint(identity.fingerprint), serverName: "localhost", applicationProtocols: ["secam/1"])
        return (server, client)
    }

    /// Runs on a separate thread, which reads while the server writes.
    private func connect(
        to server: any Channel, _ context: TLSContext, expecting count: Int
    ) async throws -> (channel: any Channel, bytes: EventLoopFuture<ByteBuffer>) {
        let address = try #require(server.localAddress)
        let bytes = clientGroup.next().makePromise(of: ByteBuffer.self)
        let channel = try await ClientBootstrap(group: clientGroup)
            .channelOption(.socketOption(.so_rcvbuf), value: 64 << 10)
            .channelOption(.autoRead, value: false)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandlers([
                        TLSHandler(context: context), Received(count, bytes),
                    ])
                }
            }
            .connect(to: address).get()
        return (channel, bytes.futureResult)
    }

    @Test func `a slow reader gets everything in order`() async throws {
        let messages = ([0, 1, 46_000, 46_000] + Array(repeating: 700, count: 200)).map(pattern)
        let large = [TLSLimits.encryptedSlice, TLSLimits.encryptedSlice + 1].map(pattern)
        let rounds = 100
        var expected = ByteBuffer()
        for round in 0..<rounds {
            for message in round % 10 == 0 ? messages + large : messages { expected.writeImmutableBuffer(message) }
        }
        let outcome = Outcome()
        let folder = try ScratchFolder()
        let (server, client) = try await serve(folder, sendBuffer: 64 << 10) { tls, context in
            func send(_ round: Int) {
                guard round < rounds else { return }
                var last = context.eventLoop.makeSucceededVoidFuture()
                for (index, message) in (round % 10 == 0 ? messages + large : messages).enumerated() {
                    // A write without a flush must not be overtaken.
                    if (round + index) % 50 == 0 {
                        context.write(NIOAny(message), promise: nil)
                    } else if let sent = tls.send(message) {
                        outcome.waitedFor.add(1, ordering: .relaxed)
                        sent.whenFailure { _ in outcome.failed.add(1, ordering: .relaxed) }
                        last = sent
                    } else {
                        outcome.sentAtOnce.add(1, ordering: .relaxed)
                    }
                }
                context.flush()
                // Sends again when the socket has room, while the peer continues to read.
                last.assumeIsolated().whenComplete { _ in
                    context.eventLoop.assumeIsolated().execute { send(round + 1) }
                }
            }
            send(0)
        }
        let peer = try await connect(to: server, client, expecting: expected.readableBytes)
        try await peer.channel.setOption(.autoRead, value: true).get()
        #expect(try await peer.bytes.get() == expected)
        #expect(outcome.sentAtOnce.load(ordering: .relaxed) > 0)
        #expect(outcome.waitedFor.load(ordering: .relaxed) > 0)
        #expect(outcome.failed.load(ordering: .relaxed) == 0)
        try await peer.channel.close()
        try await server.close()
        try await clientGroup.shutdownGracefully()
    }

    @Test func `a peer that disconnects fails the waiting writes`() async throws {
        let hasEnded = MultiThreadedEventLoopGroup.singleton.next().makePromise(of: Void.self)
        let folder = try ScratchFolder()
        let (server, client) = try await serve(folder, sendBuffer: 64 << 10) { tls, context in
            // Sends until the peer disconnects.
            func sendMore() {
                let sent = tls.send(pattern(46_000)) ?? context.eventLoop.makeSucceededVoidFuture()
                sent.assumeIsolated().whenComplete { result in
                    if case .failure = result { return hasEnded.succeed() }
                    context.eventLoop.assumeIsolated().execute { sendMore() }
                }
            }
            sendMore()
        }
        let peer = try await connect(to: server, client, expecting: 1)
        try await peer.channel.setOption(.autoRead, value: true).get()
        _ = try await peer.bytes.get()
        try await peer.channel.close()
        try await hasEnded.futureResult.get()
        try await server.close()
        try await clientGroup.shutdownGracefully()
    }
}
