import Dispatch
import SecamBase
import SecamTLS
import SecamTestSupport
import SecamWire
import Synchronization
import Testing

@testable import SecamClient

extension ScratchFolder {
    func write(_ name: String, _ text: String) throws -> String {
        try FileIO.create(file(name), text.utf8, replacing: true)
        return file(name)
    }
}

/// A running scripted gateway with its certificate and folder.
struct Fixture {
    let folder: ScratchFolder
    let identity: TLSIdentity
    let gateway: ScriptedGateway

    init(_ behaviour: ScriptedGateway.Behaviour) throws {
        folder = try ScratchFolder()
        identity = try TLSIdentity.loadOrCreate(directory: folder.file("tls"), hostNames: ["localhost", "127.0.0.1"])
        gateway = try ScriptedGateway(identity: identity, behaviour)
    }

    var server: ServerAddress {
        get throws { try ServerAddress(gateway.address) }
    }

    func client(
        _ settings: ViewerConnection.Settings, reconnects: Bool = false, events: EventLog
    ) throws -> GatewayClient {
        try GatewayClient(
            server: try server, trust: .fingerprint(gateway.fingerprint), settings: settings, reconnects: reconnects
        ) { events.append($0) }
    }
}

/// Collects a client's events, and lets a test wait for one.
final class EventLog: Sendable {
    private let events = Mutex<[GatewayEvent]>([])
    private let news = DispatchSemaphore(value: 0)

    func append(_ event: GatewayEvent) {
        events.withLock { $0.append(event) }
        news.signal()
    }

    var all: [GatewayEvent] { events.withLock { $0 } }

    /// Waits until `pick` returns a value for the events so far.
    func first<Wanted>(_ pick: ([GatewayEvent]) -> Wanted?) throws -> Wanted {
        while true {
            if let wanted = pick(all) { return wanted }
            // Far longer than any test needs; only a program that hangs reaches it.
            try #require(news.wait(timeout: .now() + 60) == .success, "no further event within 60 s")
        }
    }

    func failure() throws -> ClientError {
        try first { events in
            for case .state(.failed(let error)) in events { return error }
            return nil
        }
    }

    func frames(_ count: Int) throws -> [ReceivedFrame] {
        try first { events in
            let frames = events.compactMap { if case .frame(let frame) = $0 { frame } else { nil } }
            return frames.count >= count ? frames : nil
        }
    }
}

/// Collects messages to the user.
final class Words: Sendable {
    private let stored = Mutex<[String]>([])

    var all: [String] { stored.withLock { $0 } }

    func showMessage(_ text: String) { stored.withLock { $0.append(text) } }
}

func settings(_ wanted: ViewerConnection.WantedCameras = .all) -> ViewerConnection.Settings {
    var settings = ViewerConnection.Settings(username: "anna", password: "secret")
    settings.wanted = wanted
    return settings
}

/// Returns an instant of the monotonic clock.
func at(_ microseconds: Int64) -> MonotonicTime { MonotonicTime(microseconds: microseconds) }

/// Returns a frame as from a gateway.
func frame(
    _ camera: String = "demo", sequence: UInt64 = 1, incarnation: UInt64 = 7, timestamp: Int64 = 1_000,
    received: Int64 = 2_000, clockDifference: Int64 = 0, width: UInt16 = 64, height: UInt16 = 48,
    picture: [UInt8] = TestJPEG.bytes
) throws -> ReceivedFrame {
    let header = Frame(
        flow: 1, rendition: .jpeg, format: .jpeg, incarnation: incarnation, sequence: sequence, timestamp: timestamp,
        width: width, height: height)
    let start = header.encoded(payload: picture.count)
    return ReceivedFrame(
        header: header, camera: try Name(camera), received: received, clockDifference: clockDifference,
        message: start + picture,
        payload: start.count..<start.count + picture.count)
}
