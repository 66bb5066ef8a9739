import NIOCore
import SecamBase
import SecamJPEG
import SecamWire

/// One viewer of a load. It logs in, watches one camera, and counts and discards its frames.
final class LoadViewer: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    struct Account: Sendable {
        let username: String
        let password: String
        let camera: Name
    }

    /// Frames in flight.
    private static let credit: UInt32 = 8
    private static let pingInterval = TimeAmount.seconds(10)

    private let account: Account
    private let figures: LoadFigures
    private let isFirst: Bool
    private let isLoggedIn: Bool
    private var stamps: StampReader?
    private var skimmer: MessageSkimmer
    private var camera: UInt32?
    private var owed: UInt32 = 0
    private var pinging: RepeatedTask?

    /// - Parameters:
    ///   - isFirst: whether to measure latencies.
    ///   - isLoggedIn: whether a login precedes the connection.
    ///   - stamps: reads the numbers in the pictures.
    init(
        _ account: Account, figures: LoadFigures, isFirst: Bool, isLoggedIn: Bool = false,
        stamps: consuming StampReader?
    ) {
        self.account = account
        self.isLoggedIn = isLoggedIn
        self.figures = figures
        self.isFirst = isFirst
        skimmer = MessageSkimmer(keepsPayloads: stamps != nil)
        self.stamps = stamps
    }

    func channelActive(context: ChannelHandlerContext) {
        if !isLoggedIn { send(Hello(software: "secam-bench").encoded(), context) }
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        pinging = context.eventLoop.scheduleRepeatedTask(
            initialDelay: LoadViewer.pingInterval, delay: LoadViewer.pingInterval
        ) { _ in
            let (viewer, context) = bound.value
            if viewer.camera != nil { viewer.send(Ping(token: 0).encoded(), context) }
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var buffer = unwrapInboundIn(data)
        do throws(WireError) {
            while let message = try skimmer.next(&buffer) {
                switch message {
                case .frame(let frame, let payload, let byteCount): handle(frame, payload, byteCount, context)
                case .other(let envelope, let bytes): try handle(envelope, bytes, context)
                }
            }
        } catch {
            end("\(error)", context)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { end("\(error)", context) }

    func channelInactive(context: ChannelHandlerContext) {
        pinging?.cancel()
        figures.recordEnd("the gateway closed the connection")
    }

    private func handle(_ frame: Frame, _ payload: [UInt8], _ byteCount: Int, _ context: ChannelHandlerContext) {
        let received = MonotonicNanoseconds.now.value
        let latency = isFirst ? WallClock.now - frame.timestamp : nil
        figures.record(bytes: byteCount, latency: latency, stamp: stamps?.read(payload, received: received))
        owed += 1
        guard owed >= LoadViewer.credit / 2 else { return }
        send(Credit(flow: frame.flow, frames: owed).encoded(), context)
        owed = 0
    }

    private func handle(
        _ envelope: Envelope, _ bytes: [UInt8], _ context: ChannelHandlerContext
    ) throws(WireError) {
        switch envelope.type {
        case .hello:
            send(Login(username: account.username, password: account.password).encoded(), context)
        case .cameras:
            let cameras = try Cameras.decode(bytes.span, envelope).cameras
            guard camera == nil, let found = cameras.first(where: { $0.name == account.camera }) else { return }
            camera = found.camera
            send(Watch(camera: found.camera, rendition: .jpeg, credit: LoadViewer.credit).encoded(), context)
        case .denied:
            let denied = try Denied.decode(bytes.span, envelope)
            guard denied.reason == .busy else { return end("login denied: \(denied.detail)", context) }
            let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
            context.eventLoop.scheduleTask(in: .seconds(Int64(denied.wait))) {
                let (viewer, context) = bound.value
                viewer.send(
                    Login(username: viewer.account.username, password: viewer.account.password).encoded(), context)
            }
        case .error:
            let error = try ErrorMessage.decode(bytes.span, envelope)
            end("\(error.code): \(error.detail)", context)
        case .bye:
            let bye = try Bye.decode(bytes.span, envelope)
            end("\(bye.reason): \(bye.detail)", context)
        default: break
        }
    }

    private func send(_ bytes: [UInt8], _ context: ChannelHandlerContext) {
        context.writeAndFlush(wrapOutboundOut(context.channel.allocator.buffer(bytes: bytes)), promise: nil)
    }

    private func end(_ reason: String, _ context: ChannelHandlerContext) {
        figures.recordEnd(reason)
        context.close(promise: nil)
    }
}

@available(*, unavailable)
extension LoadViewer: Sendable {}

/// A client of another camera server. It requests a stream over HTTP, and counts its pictures.
final class HTTPLoadViewer: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let path: String
    private let figures: LoadFigures
    private var stamps: StampReader?
    private var skimmer: MultipartSkimmer

    init(path: String, figures: LoadFigures, stamps: consuming StampReader?) {
        self.path = path
        self.figures = figures
        skimmer = MultipartSkimmer(keepsPictures: stamps != nil)
        self.stamps = stamps
    }

    func channelActive(context: ChannelHandlerContext) {
        let request = "GET \(path) HTTP/1.0\r\nHost: localhost\r\n\r\n"
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: request)), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var buffer = unwrapInboundIn(data)
        do throws(MultipartSkimmer.Failure) {
            while let picture = try skimmer.next(&buffer) {
                let received = MonotonicNanoseconds.now.value
                figures.record(
                    bytes: picture.byteCount, latency: nil, stamp: stamps?.read(picture.bytes, received: received))
            }
        } catch {
            figures.recordEnd("\(error)")
            context.close(promise: nil)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        figures.recordEnd("\(error)")
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) { figures.recordEnd("the server closed the connection") }
}

@available(*, unavailable)
extension HTTPLoadViewer: Sendable {}

/// A reader of the numbers in a viewer's pictures.
struct StampReader: ~Copyable {
    private var decoder: JPEGDecoder
    private var buffer: [UInt8] = []

    init() throws(JPEGError) { decoder = try JPEGDecoder() }

    mutating func read(_ jpeg: [UInt8], received: Int64) -> LoadReport.Stamp? {
        PictureStamp.read(jpeg, with: &decoder, &buffer).map { LoadReport.Stamp(number: $0, received: received) }
    }
}
