import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import SecamProcess
import ServiceLifecycle

/// An HTTP/1.1 server that answers `GET /metrics`, with one request for each connection.
package struct MetricsServer: Service {
    package typealias Page = @Sendable () async -> String

    private let endpoint: MetricsEndpoint
    private let page: Page
    private let onReady: @Sendable (Int) -> Void
    private let logger = Logger.lines("metrics")

    /// Maximum number of connections; further ones are closed.
    static let connectionLimit = 16
    /// Time for a request and its response.
    static let timeout = TimeAmount.seconds(10)

    /// - Parameters:
    ///   - onReady: called with the port when the server listens.
    ///   - page: returns the body of a response in the text exposition format.
    package init(
        _ endpoint: MetricsEndpoint, onReady: @escaping @Sendable (Int) -> Void = { _ in }, page: @escaping Page
    ) {
        self.endpoint = endpoint
        self.onReady = onReady
        self.page = page
    }

    /// Serves until a graceful shutdown or cancellation.
    ///
    /// - Throws: `MetricsFailure` when it cannot listen at the address.
    package func run() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        do {
            let channel = try await bind(group)
            logger.info("metrics ready", metadata: ["address": "\(channel.localAddress?.description ?? "")"])
            onReady(channel.localAddress?.port ?? 0)
            try? await gracefulShutdown()
            try? await channel.close()
        } catch {
            try? await group.shutdownGracefully()
            throw MetricsFailure(description: "cannot serve metrics at \(endpoint.host):\(endpoint.port): \(error)")
        }
        try? await group.shutdownGracefully()
    }

    private func bind(_ group: MultiThreadedEventLoopGroup) async throws -> any Channel {
        let limiter = ConnectionCount()
        return try await ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 16)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { [page] channel in
                guard limiter.count < MetricsServer.connectionLimit else { return channel.close() }
                limiter.count += 1
                channel.closeFuture.whenComplete { _ in limiter.count -= 1 }
                channel.eventLoop.scheduleTask(in: MetricsServer.timeout) { channel.close(promise: nil) }
                return channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline(withPipeliningAssistance: false)
                    try channel.pipeline.syncOperations.addHandler(MetricsHandler(page))
                }
            }
            .bind(host: endpoint.host, port: endpoint.port).get()
    }
}

/// The number of open connections, used only on the server's event loop.
private final class ConnectionCount: @unchecked Sendable {
    var count = 0
}

/// Answers the first request of a connection and closes it.
private final class MetricsHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let page: MetricsServer.Page
    private var isAnswered = false

    init(_ page: @escaping MetricsServer.Page) { self.page = page }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isAnswered, case .head(let head) = unwrapInboundIn(data) else { return }
        isAnswered = true
        guard head.uri.split(separator: "?").first == "/metrics" else {
            return Self.answer(context.channel, .notFound, "see /metrics\n")
        }
        guard head.method == .GET else { return Self.answer(context.channel, .methodNotAllowed, "use GET\n") }
        let channel = context.channel
        let promise = channel.eventLoop.makePromise(of: String.self)
        promise.completeWithTask { [page] in await page() }
        promise.futureResult.whenSuccess { MetricsHandler.answer(channel, .ok, $0) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    private static func answer(_ channel: any Channel, _ status: HTTPResponseStatus, _ text: String) {
        let body = ByteBuffer(string: text)
        var headers = HTTPHeaders()
        headers.add(name: "Content-Type", value: "text/plain; version=0.0.4; charset=utf-8")
        headers.add(name: "Content-Length", value: "\(body.readableBytes)")
        headers.add(name: "Connection", value: "close")
        let head = HTTPResponseHead(version: .http1_1, status: status, headers: headers)
        channel.write(HTTPServerResponsePart.head(head), promise: nil)
        channel.write(HTTPServerResponsePart.body(.byteBuffer(body)), promise: nil)
        channel.writeAndFlush(HTTPServerResponsePart.end(nil)).whenComplete { _ in channel.close(promise: nil) }
    }
}

@available(*, unavailable)
extension MetricsHandler: Sendable {}
