import NIOCore
import NIOPosix
import SecamTLS
import SecamWire
import Synchronization

/// A gateway for tests, with real TLS on a free port. It follows the protocol except where its script intervenes.
final class ScriptedGateway: Sendable {
    struct Camera: Sendable {
        var number: UInt32
        var name: Name
        var state = CameraState.online
        var pictures: [[UInt8]] = []
        /// Milliseconds between two frames; 0 sends as fast as credit allows.
        var interval: Int64 = 0

        init(_ number: UInt32, _ name: String) throws {
            self.number = number
            self.name = try Name(name)
        }

        var listed: Cameras.Camera {
            Cameras.Camera(
                camera: number, state: state, width: 64, height: 48, frameRate: 30_000,
                since: 1_700_000_000_000_000, name: name, detail: "scripted")
        }
    }

    /// Called with each message before the gateway answers it; returns true to suppress the gateway's own answer.
    typealias Script = @Sendable (ScriptedSession, MessageType) -> Bool

    struct Behaviour: Sendable {
        var username = "anna"
        var password = "secret"
        /// The token for viewers that ask for one and send none.
        var token: [UInt8] = []
        /// Called with each accepted login.
        var onLogin: @Sendable (Login) -> Void = { _ in }
        var cameras: [Camera] = []
        var script: Script = { _, _ in false }
    }

    let fingerprint: CertificateFingerprint
    let port: Int
    private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    private let sessions = Sessions()

    init(identity: TLSIdentity, port: Int = 0, _ behaviour: Behaviour) throws {
        let context = try TLSContext.server(identity: identity, applicationProtocols: ["secam/1"])
        let sessions = sessions
        let channel = try ServerBootstrap(group: group)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let session = ScriptedSession(behaviour, number: sessions.next())
                    try channel.pipeline.syncOperations.addHandlers([try TLSHandler(context: context), session])
                }
            }
            .bind(host: "127.0.0.1", port: port).wait()
        fingerprint = identity.fingerprint
        self.port = channel.localAddress?.port ?? 0
    }

    var address: String { "127.0.0.1:\(port)" }

    /// Number of connections so far.
    var connections: Int { sessions.count }

    func stop() throws {
        try group.syncShutdownGracefully()
    }

    private final class Sessions: Sendable {
        private let number = Mutex(0)

        var count: Int { number.withLock { $0 } }

        func next() -> Int {
            number.withLock { number in
                number += 1
                return number
            }
        }
    }
}

/// One viewer's connection to a `ScriptedGateway`.
final class ScriptedSession: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// Number of the connection, from 1.
    let number: Int
    var behaviour: ScriptedGateway.Behaviour
    private(set) var received: [MessageType] = []
    private var decoder = StreamDecoder(limit: WireLimits.viewerMessage)
    private var context: ChannelHandlerContext?
    private var flows: [UInt32: (rendition: Rendition, credit: UInt32, sequence: UInt64)] = [:]

    init(_ behaviour: ScriptedGateway.Behaviour, number: Int) {
        self.behaviour = behaviour
        self.number = number
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        decoder.append(unwrapInboundIn(data).readableBytesView)
        do throws(WireError) {
            while case .message(let envelope, let bytes) = try decoder.next() {
                received.append(envelope.type)
                if !behaviour.script(self, envelope.type) { try answer(envelope, bytes) }
            }
        } catch {
            close()
        }
    }

    func send(_ message: some WireMessage) { send(bytes: message.encoded()) }

    func send(bytes: [UInt8]) {
        guard let context else { return }
        context.writeAndFlush(wrapOutboundOut(context.channel.allocator.buffer(bytes: bytes)), promise: nil)
    }

    func close() { context?.close(promise: nil) }

    var loop: (any EventLoop)? { context?.eventLoop }

    private func answer(_ envelope: Envelope, _ bytes: [UInt8]) throws(WireError) {
        switch envelope.type {
        case .hello: send(Hello(idle: 60, software: "scripted"))
        case .login:
            let login = try Login.decode(bytes.span, envelope)
            guard login.username == behaviour.username, login.password == Secret(behaviour.password) else {
                return send(Denied(reason: .credentials, wait: 0, detail: "user or password are not right"))
            }
            behaviour.onLogin(login)
            let isNew = login.remember && login.token == DeviceToken.none
            send(Welcome(role: .viewer, time: 1_700_000_000_000_000, token: isNew ? behaviour.token : []))
            sendCameras()
        case .watch:
            let watch = try Watch.decode(bytes.span, envelope)
            flows[watch.camera] = (watch.rendition, watch.credit, 0)
            sendFrames(watch.camera)
        case .credit:
            let credit = try Credit.decode(bytes.span, envelope)
            flows[credit.flow]?.credit += credit.frames
            sendFrames(credit.flow)
        case .ping: send(Pong(token: try Ping.decode(bytes.span, envelope).token))
        case .bye: close()
        default: break
        }
    }

    func sendCameras() { send(Cameras(cameras: behaviour.cameras.map(\.listed))) }

    private func sendFrames(_ number: UInt32) {
        guard let camera = behaviour.cameras.first(where: { $0.number == number }), camera.state == .online else {
            return
        }
        guard camera.interval > 0 else {
            while let flow = flows[number], flow.credit > 0 { sendFrame(camera) }
            return
        }
        guard let context, flows[number]?.sequence == 0 else { return }
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        context.eventLoop.scheduleRepeatedTask(initialDelay: .zero, delay: .milliseconds(camera.interval)) { task in
            let session = bound.value
            guard session.context != nil else { return task.cancel() }
            let current = session.behaviour.cameras.first { $0.number == number }
            if let flow = session.flows[number], flow.credit > 0, let current, current.state == .online {
                session.sendFrame(current)
            }
        }
    }

    /// Sends the camera's next frame, regardless of the credit.
    func sendFrame(_ camera: ScriptedGateway.Camera) {
        var flow = flows[camera.number] ?? (.jpeg, 0, 0)
        flow.sequence += 1
        flow.credit = flow.credit > 0 ? flow.credit - 1 : 0
        flows[camera.number] = flow
        let picture = camera.pictures[Int(flow.sequence - 1) % camera.pictures.count]
        let frame = Frame(
            flow: camera.number, rendition: flow.rendition, format: .jpeg, incarnation: 7, sequence: flow.sequence,
            timestamp: utcNow(), width: 64, height: 48)
        send(bytes: frame.encoded(payload: picture.count) + picture)
    }
}

@available(*, unavailable)
extension ScriptedSession: Sendable {}
