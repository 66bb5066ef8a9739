import NIOCore
import NIOPosix
import SecamBase
import SecamProcess
import SecamTLS
import SecamWire
import Synchronization

/// Many viewers in one process.
final class ViewerLoad: Sendable {
    enum Server: Sendable {
        case gateway(TLSContext, [LoadViewer.Account])
        /// The gateway, over WebSockets.
        case web(TLSContext, WebLogin, [LoadViewer.Account])
        /// Another camera server, and the path of its stream.
        case http(path: String)

        var isWeb: Bool { if case .web = self { true } else { false } }
    }

    /// Simultaneous logins. Each takes the gateway a tenth of a second, and it queues only a few of one user.
    private static let loginLimit = 8
    /// Time within which all viewers must have received a frame.
    private static let timeout: Duration = .seconds(180)

    private let host: String
    private let port: Int
    private let server: Server
    private let readsStamps: Bool
    private let group = MultiThreadedEventLoopGroup(numberOfThreads: max(1, min(2, ProgramEnvironment.processors)))
    private let viewers = Mutex<[LoadFigures]>([])
    private let changes = BlockingQueue<Void>()

    /// - Parameter readsStamps: whether the first viewer reads the numbers in its pictures.
    init(host: String, port: Int, server: Server, readsStamps: Bool) {
        self.host = host
        self.port = port
        self.server = server
        self.readsStamps = readsStamps
    }

    /// Adds viewers until there are `count`, and returns when each has received a frame or has ended.
    func grow(to count: Int) throws {
        let deadline = MonotonicTime.now + ViewerLoad.timeout
        while true {
            let all = viewers.withLock { $0 }
            let waiting = all.count { !$0.isSettled }
            if all.count >= count, waiting == 0 { return }
            // The first browser logs in for all.
            let limit = server.isWeb && all.first?.isSettled == false ? 1 : ViewerLoad.loginLimit
            if all.count < count, waiting < limit {
                try add(number: all.count)
                continue
            }
            let rest = deadline - .now
            guard rest > .zero, case .element = changes.pop(timeout: rest) else {
                throw BenchFailure(
                    "\(waiting) of \(all.count) viewers received no frame within \(ViewerLoad.timeout.components.seconds) s"
                )
            }
        }
    }

    /// Returns the frames since the last call.
    func report() -> LoadReport {
        var report = LoadReport()
        let all = viewers.withLock { $0 }
        report.viewers = all.count
        report.fewestFrames = all.isEmpty ? 0 : Int.max
        for figures in all {
            let state = figures.drain()
            report.frames += state.frames
            report.bytes += state.bytes
            report.fewestFrames = min(report.fewestFrames, state.frames)
            report.latencies += state.latencies
            report.stamps += state.stamps
            if let end = state.end {
                report.lost += 1
                report.reason = report.reason ?? end
            }
        }
        return report
    }

    private func add(number: Int) throws {
        let figures = LoadFigures { [changes] in changes.push(()) }
        viewers.withLock { $0.append(figures) }
        let server = server
        let isFirst = number == 0
        let readsStamps = isFirst && readsStamps
        ClientBootstrap(group: group)
            .connectTimeout(.seconds(10))
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let stamps = readsStamps ? try StampReader() : nil
                    switch server {
                    case .gateway(let context, let accounts):
                        let viewer = LoadViewer(
                            accounts[number % accounts.count], figures: figures, isFirst: isFirst, stamps: stamps)
                        try channel.pipeline.syncOperations.addHandlers([try TLSHandler(context: context), viewer])
                    case .web(let context, let login, let accounts):
                        let viewer = LoadViewer(
                            accounts[number % accounts.count], figures: figures, isFirst: isFirst, isLoggedIn: true,
                            stamps: stamps)
                        try channel.pipeline.syncOperations.addHandlers([
                            try TLSHandler(context: context), WebSocketLoadHandler(login), viewer,
                        ])
                    case .http(let path):
                        try channel.pipeline.syncOperations.addHandler(
                            HTTPLoadViewer(path: path, figures: figures, stamps: stamps))
                    }
                }
            }
            .connect(host: host, port: port)
            .whenFailure { figures.recordEnd("\($0)") }
    }
}
