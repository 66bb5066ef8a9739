import Logging
import NIOCore
import NIOPosix
import SecamGateway
import SecamTLS
import SecamTestSupport
import SecamUsers
import SecamWeb
import SecamWire
import Synchronization

/// A real server on a free port, with accounts and a certificate in a scratch folder.
struct ViewerHarness: Sendable {
    let server: ViewerServer
    let users: UserStore
    let hub: RecordingHub
    let address: SocketAddress
    let fingerprint: CertificateFingerprint
    let directory: String

    static let password = "correct horse"

    static func run(
        isWebOn: Bool = true, _ configure: (inout ViewerServerConfiguration) -> Void = { _ in },
        _ body: (ViewerHarness) async throws -> Void
    ) async throws {
        let scratch = try ScratchFolder()
        let directory = scratch.path
        defer { withExtendedLifetime(scratch) {} }
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let users = try UserStore(path: directory + "/users")
        try users.add(Name("anna"), password: password, role: .admin)
        let audit = try AuditLog(
            path: directory + "/audit", refusalsPath: directory + "/refusals", logger: logger)
        let identity = try TLSIdentity.loadOrCreate(directory: directory, hostNames: ["localhost"])
        let hub = RecordingHub()
        var configuration = ViewerServerConfiguration(host: "127.0.0.1", port: 0)
        configuration.accountsInterval = .milliseconds(20)
        configuration.viewerLimits.demandLinger = .milliseconds(20)
        configuration.viewerLimits.heldFrameAge = .hours(1)
        // Timeouts must not fire because the machine is slow.
        configuration.viewerLimits.handshakeTimeout = .hours(1)
        configuration.viewerLimits.helloTimeout = .hours(1)
        configuration.viewerLimits.loginTimeout = .hours(1)
        configuration.viewerLimits.idleSeconds = 3600
        configuration.webLimits.idleTimeout = .hours(1)
        configuration.webLimits.userIdleTimeout = .hours(1)
        configuration.webLimits.bodyTimeout = .hours(1)
        configuration.webLimits.responseTimeout = .hours(1)
        configure(&configuration)
        // A lock must not expire because the machine is slow.
        let now = ContinuousClock.now
        let server = ViewerServer(
            configuration: configuration,
            tls: try ViewerServer.tlsContext(identity, web: isWebOn), users: users,
            authenticator: try Authenticator(users: users, audit: audit, clock: { now }, logger: logger),
            sessions: isWebOn ? try SessionStore(users: users, logger: logger) : nil, audit: audit, hub: hub,
            relay: RelayServer(host: "127.0.0.1", logger: logger), logger: logger)
        let address = try await server.start()
        let harness = ViewerHarness(
            server: server, users: users, hub: hub, address: address, fingerprint: identity.fingerprint,
            directory: directory)
        do {
            try await body(harness)
        } catch {
            await server.stop()
            throw error
        }
        await server.stop()
    }

    func connect(from source: String? = nil, receiveBuffer: Int? = nil) async throws -> TestViewer {
        try await TestViewer(address: address, fingerprint: fingerprint, source: source, receiveBuffer: receiveBuffer)
    }

    /// Returns a viewer that has exchanged HELLO.
    func greeted() async throws -> TestViewer {
        let viewer = try await connect()
        viewer.send(Hello(software: "test"))
        _ = try await viewer.next(Hello.self)
        return viewer
    }

    /// Returns the BYE that a viewer receives, and drops the messages before it.
    func closed(_ viewer: TestViewer) async throws -> Bye {
        while let next = await viewer.next() {
            if next.envelope.type == .bye { return try Bye.decode(next.bytes.span, next.envelope) }
        }
        throw HarnessError.closed(waitingFor: "Bye")
    }

    /// Returns a viewer that has received WELCOME and its first CAMERAS.
    func loggedIn(
        _ username: String = "anna", from source: String? = nil, receiveBuffer: Int? = nil
    ) async throws -> (viewer: TestViewer, cameras: Cameras) {
        let viewer = try await connect(from: source, receiveBuffer: receiveBuffer)
        viewer.send(Hello(software: "test"))
        _ = try await viewer.next(Hello.self)
        viewer.send(Login(username: username, password: Self.password))
        _ = try await viewer.next(Welcome.self)
        return (viewer, try await viewer.next(Cameras.self))
    }

    func figure(_ metric: Metric) -> UInt64 {
        server.figures.first { $0.metric == metric }?.value ?? 0
    }

    func showCameras(_ names: [String]) throws {
        server.update(cameras: try names.enumerated().map { try camera(UInt32($0.offset + 1), $0.element) })
    }

    /// Publishes a frame with a payload of `bytes` bytes.
    func publish(_ sequence: UInt64, camera: UInt32 = 1, rendition: Rendition = .jpeg, bytes: Int = 1000) {
        let frame = Frame(
            flow: camera, rendition: rendition, format: .jpeg, incarnation: 7, sequence: sequence, timestamp: 0,
            width: 640, height: 480)
        var message = ByteBuffer(bytes: frame.encoded(payload: bytes))
        message.writeRepeatingByte(UInt8(truncatingIfNeeded: sequence), count: bytes)
        server.publish(message, frame: frame)
    }
}

enum HarnessError: Error {
    case noFolder(errno: CInt)
    case closed(waitingFor: String)
    case unexpected(MessageType, expected: String)
}

func camera(_ number: UInt32, _ name: String, state: CameraState = .online) throws -> Cameras.Camera {
    Cameras.Camera(
        camera: number, state: state, width: 640, height: 480, frameRate: 30_000, since: 0, name: try Name(name),
        detail: "")
}

/// A hub that records the server's demands and requests.
final class RecordingHub: CameraHub {
    struct Demand: Hashable, Sendable {
        let camera: UInt32
        let rendition: Rendition
        let wanted: Bool
    }

    let demands: AsyncStream<Demand>
    private let continuation: AsyncStream<Demand>.Continuation
    private let queries = Mutex<[(ArchiveRequest, ArchiveClient)]>([])

    /// The viewers' requests to the archives, in order.
    var requests: [(request: ArchiveRequest, viewer: ArchiveClient)] { queries.withLock { $0 } }

    init() { (demands, continuation) = AsyncStream.makeStream() }

    func demandChanged(camera: UInt32, rendition: Rendition, wanted: Bool) {
        continuation.yield(Demand(camera: camera, rendition: rendition, wanted: wanted))
    }

    func query(_ request: ArchiveRequest, from viewer: ArchiveClient) {
        queries.withLock { $0.append((request, viewer)) }
    }
}
