import NIOCore
import NIOPosix
import Synchronization

/// A web server that answers posts with one status after the other, and then no more.
final class PostServer: Sendable {
    private struct State {
        var statuses: [Int]
        var requests: [String] = []
    }

    private let state: Mutex<State>
    private let channel = Mutex<(any Channel)?>(nil)

    private init(_ statuses: [Int]) { state = Mutex(State(statuses: statuses)) }

    static func start(_ statuses: [Int]) async throws -> PostServer {
        let server = PostServer(statuses)
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Answerer(server))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        server.channel.withLock { $0 = channel }
        return server
    }

    var address: String { "http://127.0.0.1:\(channel.withLock { $0?.localAddress?.port ?? 0 })/hook" }

    /// The requests received, headers included.
    var requests: [String] { state.withLock { $0.requests } }

    func stop() { channel.withLock { $0.take() }?.close(promise: nil) }

    fileprivate func record(_ request: String) -> Int? {
        state.withLock { state in
            state.requests.append(request)
            return state.statuses.isEmpty ? nil : state.statuses.removeFirst()
        }
    }
}

private final class Answerer: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let server: PostServer
    private var text = ""

    init(_ server: PostServer) { self.server = server }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        text += String(buffer: unwrapInboundIn(data))
        // An event's JSON ends with its boxes.
        guard text.contains("\r\n\r\n"), text.hasSuffix("}") else { return }
        defer { text = "" }
        guard let status = server.record(text) else { return }
        let answer = "HTTP/1.1 \(status) Answer\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: answer))).whenComplete {
            [loop = NIOLoopBound(context, eventLoop: context.eventLoop)] _ in
            loop.value.close(promise: nil)
        }
    }
}
