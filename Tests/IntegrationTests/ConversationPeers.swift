import NIOCore
import NIOPosix
import SecamMesh
import SecamTLS
import SecamTestSupport
import Synchronization

/// One end of a connection, which a script speaks for.
protocol ConversationPeer: Sendable {
    var inbox: Inbox { get }

    /// Sends messages: in one write to a stream, or in writes of `chunk` bytes.
    func send(_ messages: [[UInt8]], chunk: Int?) async throws
    func stop() async
}

/// Received messages, in order.
final class Inbox: Sendable {
    private struct State {
        var messages: [[UInt8]] = []
        var isClosed = false
        var partial: [UInt8] = []
    }

    private let state = Mutex(State())

    func append(_ message: [UInt8]) { state.withLock { $0.messages.append(message) } }

    /// Splits a stream into messages.
    func append(stream bytes: some Sequence<UInt8>) {
        state.withLock { state in
            state.partial += bytes
            while state.partial.count >= 4 {
                let length = state.partial.prefix(4).reversed().reduce(0) { $0 << 8 | Int($1) } + 4
                guard state.partial.count >= length else { return }
                state.messages.append(Array(state.partial.prefix(length)))
                state.partial.removeFirst(length)
            }
        }
    }

    func close() { state.withLock { $0.isClosed = true } }

    /// Waits for the next message; `nil` when the connection has ended.
    func next() async throws -> [UInt8]? {
        try await eventually("a message", seconds: 120) {
            state.withLock { state -> [UInt8]?? in
                if !state.messages.isEmpty { return .some(state.messages.removeFirst()) }
                return state.isClosed ? .some(nil) : nil
            }
        }
    }
}

/// A viewer's connection to the gateway.
struct ViewerPeer: ConversationPeer {
    let inbox = Inbox()
    private let channel: any Channel

    init(_ set: RunningSet) async throws {
        let context = try TLSContext.client(
            trust: .fingerprint(try CertificateFingerprint(set.fingerprint)), serverName: "localhost",
            applicationProtocols: ["secam/1"])
        let inbox = inbox
        guard let port = set.address.split(separator: ":").last.flatMap({ Int($0) }) else {
            throw TestFailure("'\(set.address)' has no port")
        }
        channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandlers([TLSHandler(context: context), Collector(inbox)])
                }
            }
            .connect(host: "127.0.0.1", port: port).get()
    }

    func send(_ messages: [[UInt8]], chunk: Int?) async throws {
        var rest = Array(messages.joined())[...]
        while !rest.isEmpty {
            let part = rest.prefix(chunk ?? rest.count)
            channel.writeAndFlush(ByteBuffer(bytes: part), promise: nil)
            rest = rest.dropFirst(part.count)
        }
    }

    func stop() async { try? await channel.close() }
}

private final class Collector: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let inbox: Inbox

    init(_ inbox: Inbox) { self.inbox = inbox }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        inbox.append(stream: unwrapInboundIn(data).readableBytesView)
    }

    func channelInactive(context: ChannelHandlerContext) { inbox.close() }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}

/// A member of the mesh with a connection to the camera `demo`, or one that encoders connect to.
struct MemberPeer: ConversationPeer {
    let inbox = Inbox()
    private let member: TestMember
    private let isCamera: Bool

    init(_ identity: Identity, name: String, isCamera: Bool) async throws {
        let inbox = inbox
        self.isCamera = isCamera
        member = try await TestMember.join(identity, name, isListening: isCamera) { message in
            inbox.append(message.bytes)
            return nil
        }
    }

    func send(_ messages: [[UInt8]], chunk: Int?) async throws {
        if isCamera {
            await member.sendToVisitors(messages.map { MeshMessage($0) })
        } else {
            for message in messages {
                try await eventually("a connection to the camera", seconds: 120) {
                    await member.send(MeshMessage(message), to: "demo")
                }
            }
        }
    }

    func stop() async { await member.stop() }
}

/// A single ZeroMQ connection.
actor MeshPeer: ConversationPeer {
    nonisolated let inbox: Inbox
    private let loop: MeshLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }
    private let socket: MeshSocket

    private init(_ loop: MeshLoop, _ endpoint: String, _ serverKey: PublicKey, _ keys: KeyPair) throws {
        self.loop = loop
        inbox = Inbox()
        socket = try MeshSocket.connect(MeshContext(), endpoint: endpoint, serverKey: serverKey, keys: keys)
    }

    static func connect(_ endpoint: String, serverKey: PublicKey, keys: KeyPair) async throws -> MeshPeer {
        try await MeshLoop.start("conversation") { loop in
            let peer = try MeshPeer(loop, endpoint, serverKey, keys)
            peer.assumeIsolated { $0.start() }
            return peer
        }
    }

    private func start() {
        let (socket, inbox) = (socket, inbox)
        loop.watch(socket) {
            while let received = socket.receive() { inbox.append(received.message.bytes) }
        }
    }

    func send(_ messages: [[UInt8]], chunk: Int?) async throws {
        for message in messages {
            try await eventually("a connection", seconds: 120) { socket.send(MeshMessage(message)) == .sent }
        }
    }

    func stop() {
        loop.unwatch(socket)
        loop.stop()
    }
}
