import SecamWire
import Testing

@testable import SecamClient

@Suite("The client's state machine of a connection")
struct ViewerConnectionTests {
    private func camera(_ number: UInt32, _ name: String) throws -> Cameras.Camera {
        try ScriptedGateway.Camera(number, name).listed
    }

    private func message(flow: UInt32, rendition: Rendition = .jpeg, format: PixelFormat = .jpeg, payload: Int = 3)
        -> [UInt8]
    {
        Frame(
            flow: flow, rendition: rendition, format: format, incarnation: 1, sequence: 1, timestamp: 5, width: 2,
            height: 2
        ).encoded(payload: payload) + [UInt8](repeating: 9, count: payload)
    }

    /// Logged in, with the list of one camera, number 1.
    private func open(_ settings: ViewerConnection.Settings = settings()) throws -> ViewerConnection {
        var connection = ViewerConnection(settings, now: at(0))
        _ = connection.takeOutgoing()
        connection.receive(
            Hello(software: "g").encoded() + Welcome(role: .viewer, time: 0).encoded()
                + Cameras(cameras: [try camera(1, "demo")]).encoded(), now: at(0))
        for _ in 0..<2 { _ = try connection.next(utc: 0) }
        return connection
    }

    private func types(_ bytes: [UInt8]) throws -> [MessageType] {
        var decoder = StreamDecoder(limit: 1 << 20)
        decoder.append(bytes)
        var types: [MessageType] = []
        while case .message(let envelope, _) = try decoder.next() { types.append(envelope.type) }
        return types
    }

    @Test func `a client sends hello at once, and the password only after the gateway's hello`() throws {
        var connection = ViewerConnection(settings(), now: at(0))
        #expect(try types(connection.takeOutgoing()) == [.hello])
        connection.receive(Hello(software: "g").encoded(), now: at(0))
        _ = try connection.next(utc: 0)
        #expect(try types(connection.takeOutgoing()) == [.login])
    }

    @Test func `a stream that arrives byte by byte yields the same events`() throws {
        var connection = ViewerConnection(settings(.named([try Name("demo")])), now: at(0))
        let stream =
            Hello(software: "g").encoded() + Welcome(role: .viewer, time: 0).encoded()
            + Cameras(cameras: [try camera(1, "demo"), try camera(2, "yard")]).encoded() + message(flow: 1)
        var names: [String] = []
        for byte in stream {
            connection.receive([byte], now: at(0))
            steps: while true {
                switch try connection.next(utc: 42) {
                case .needMore: break steps
                case .welcome: names.append("welcome")
                case .event(.cameras): names.append("cameras")
                case .event(.frame(let frame)):
                    names.append("frame")
                    #expect(frame.camera.text == "demo")
                    #expect(frame.received == 42)
                    #expect(Array(frame.picture) == [9, 9, 9])
                case .event(let event): names.append("\(event)")
                }
            }
        }
        #expect(names == ["welcome", "cameras", "frame"])
        #expect(try types(connection.takeOutgoing()) == [.hello, .login, .watch])
    }

    @Test func `credit is returned in portions of half the window`() throws {
        var connection = try open()
        _ = connection.takeOutgoing()
        connection.returnCredit(camera: 1, frames: 3)
        #expect(connection.takeOutgoing().isEmpty)
        connection.returnCredit(camera: 1, frames: 1)
        #expect(connection.takeOutgoing() == Credit(flow: 1, frames: 4).encoded())
    }

    @Test func `a frame beyond the credit ends the connection`() throws {
        var connection = try open()
        for _ in 0..<9 { connection.receive(message(flow: 1), now: at(0)) }
        for _ in 0..<8 { _ = try connection.next(utc: 0) }
        #expect(throws: ConnectionEnd.badFrame("a frame of 'demo' beyond the credit")) {
            try connection.next(utc: 0)
        }
    }

    @Test func `a frame without a picture does not end the connection`() throws {
        var connection = try open()
        connection.receive(message(flow: 1, payload: 0), now: at(0))
        guard case .event(.frame(let frame)) = try connection.next(utc: 0) else {
            Issue.record("no frame")
            return
        }
        #expect(frame.payload.isEmpty)
    }

    @Test func `a frame in the wrong form ends the connection, and a frame of a camera that left is ignored`() throws {
        for bad in [
            message(flow: 1, rendition: .sub), message(flow: 1, format: .rgb24),
        ] {
            var connection = try open()
            connection.receive(bad, now: at(0))
            #expect(throws: ConnectionEnd.self) { try connection.next(utc: 0) }
        }
        var connection = try open()
        connection.receive(Cameras(cameras: []).encoded() + message(flow: 1), now: at(0))
        _ = try connection.next(utc: 0)
        guard case .needMore = try connection.next(utc: 0) else {
            Issue.record("a frame of an unwatched camera became an event")
            return
        }
    }

    @Test func `a new camera, and one that returns under another number, are watched`() throws {
        var connection = try open()
        _ = connection.takeOutgoing()
        connection.receive(Cameras(cameras: [try camera(5, "demo"), try camera(6, "new")]).encoded(), now: at(0))
        _ = try connection.next(utc: 0)
        #expect(try types(connection.takeOutgoing()) == [.watch, .watch])
        connection.receive(Cameras(cameras: [try camera(5, "demo"), try camera(6, "new")]).encoded(), now: at(0))
        _ = try connection.next(utc: 0)
        #expect(connection.takeOutgoing().isEmpty)
    }

    @Test(arguments: [
        Welcome(role: .admin, time: 0).encoded(), Cameras(cameras: []).encoded(),
        Login(username: "a", password: "b").encoded(), Denied(reason: .locked, wait: 1, detail: "").encoded(),
        ErrorMessage(code: .unexpected, detail: "").encoded(), StatusRequest().encoded(),
    ])
    func `a message out of order ends the connection`(_ bytes: [UInt8]) throws {
        var connection = ViewerConnection(settings(), now: at(0))
        connection.receive(bytes, now: at(0))
        #expect(throws: ConnectionEnd.self) { try connection.next(utc: 0) }
    }

    @Test func `garbage and oversized messages end the connection before they are complete`() throws {
        var connection = ViewerConnection(settings(), now: at(0))
        connection.receive(Array("HTTP/1.1 400 Bad Request\r\n".utf8), now: at(0))
        #expect(throws: ConnectionEnd.self) { try connection.next(utc: 0) }

        var beforeLogin = ViewerConnection(settings(), now: at(0))
        beforeLogin.receive([0, 0, 2, 0], now: at(0))
        #expect(throws: ConnectionEnd.malformed(.oversized(length: (2 << 16) + 4, limit: 64 << 10))) {
            try beforeLogin.next(utc: 0)
        }
        var afterLogin = try open()
        afterLogin.receive([0, 0, 0, 4], now: at(0))
        #expect(throws: ConnectionEnd.malformed(.oversized(length: (64 << 20) + 4, limit: 64 << 20))) {
            try afterLogin.next(utc: 0)
        }
    }

    @Test func `a refused login ends the connection with its reason`() throws {
        var connection = ViewerConnection(settings(), now: at(0))
        connection.receive(
            Hello(software: "g").encoded() + Denied(reason: .locked, wait: 30, detail: "wait").encoded(), now: at(0))
        #expect(throws: ConnectionEnd.denied(.locked, wait: 30, detail: "wait")) { try connection.next(utc: 0) }
    }

    @Test func `the client sends pings often enough for the gateway's idle timeout, and answers pings`() throws {
        var connection = try open()
        _ = connection.takeOutgoing()
        try connection.tick(now: at(4_999_999))
        #expect(connection.takeOutgoing().isEmpty)
        try connection.tick(now: at(5_000_000))
        #expect(try types(connection.takeOutgoing()) == [.ping])

        var hurried = ViewerConnection(settings(), now: at(0))
        hurried.receive(
            Hello(idle: 6, software: "g").encoded() + Welcome(role: .viewer, time: 0).encoded()
                + Cameras(cameras: []).encoded() + Ping(token: 77).encoded(), now: at(0))
        for _ in 0..<3 { _ = try hurried.next(utc: 0) }
        #expect(Array(hurried.takeOutgoing().suffix(Pong(token: 77).encoded().count)) == Pong(token: 77).encoded())
        try hurried.tick(now: at(2_000_000))
        #expect(try types(hurried.takeOutgoing()) == [.ping])
    }

    @Test func `a gateway that stalls or falls silent ends the connection`() throws {
        var stalled = ViewerConnection(settings(), now: at(0))
        try stalled.tick(now: at(9_999_999))
        #expect(throws: ConnectionEnd.stalled(.seconds(10))) { try stalled.tick(now: at(10_000_000)) }
        var silent = try open()
        silent.receive([], now: at(1_000_000))
        try silent.tick(now: at(15_999_999))
        #expect(throws: ConnectionEnd.silence(.seconds(15))) { try silent.tick(now: at(16_000_000)) }
    }
}
