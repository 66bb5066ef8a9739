import SecamBase
import SecamTLS
import SecamTestSupport
import SecamWire
import Testing

@testable import SecamClient

@Suite("A client of a scripted gateway over TLS")
struct GatewayClientTests {
    private func behaviour(
        _ script: @escaping ScriptedGateway.Script = { _, _ in false }
    ) throws -> ScriptedGateway.Behaviour {
        var camera = try ScriptedGateway.Camera(1, "demo")
        camera.pictures = [TestJPEG.bytes]
        return ScriptedGateway.Behaviour(cameras: [camera], script: script)
    }

    /// Runs a client until it ends with an error.
    private func failure(_ script: @escaping ScriptedGateway.Script) throws -> ClientError {
        let fixture = try Fixture(try behaviour(script))
        let events = EventLog()
        let client = try fixture.client(settings(), reconnects: true, events: events)
        client.start()
        let error = try events.failure()
        client.stop()
        try fixture.gateway.stop()
        return error
    }

    @Test func `many more frames than the window arrive in order and byte for byte`() throws {
        let fixture = try Fixture(try behaviour())
        let events = EventLog()
        let client = try fixture.client(settings(), events: events)
        client.start()
        let frames = try events.frames(300)
        client.stop()
        #expect(frames.prefix(300).map(\.header.sequence) == Array(1...300))
        #expect(frames.allSatisfy { Array($0.picture) == TestJPEG.bytes && $0.camera.text == "demo" })
        #expect(frames.allSatisfy { $0.received >= $0.header.timestamp })
        try fixture.gateway.stop()
    }

    @Test func `the client reconnects and logs in after the gateway closed the connection`() throws {
        let fixture = try Fixture(
            try behaviour { session, type in
                guard session.number == 1, type == .credit else { return false }
                session.close()
                return true
            })
        let events = EventLog()
        let client = try fixture.client(settings(), reconnects: true, events: events)
        client.start()
        _ = try events.frames(50)
        client.stop()
        let states = events.all.compactMap { if case .state(let state) = $0 { state } else { nil } }
        #expect(states.first == .connecting)
        #expect(states.filter { $0 == .connected(.viewer) }.count == 2)
        #expect(fixture.gateway.connections == 2)
        try fixture.gateway.stop()
    }

    @Test func `a wrong password is tried once`() throws {
        let fixture = try Fixture(try behaviour())
        var wrong = settings()
        wrong.password = Secret("guess")
        let events = EventLog()
        let client = try fixture.client(wrong, reconnects: true, events: events)
        client.start()
        let error = try events.failure()
        client.stop()
        #expect(error.exitStatus == .noPermission)
        #expect(fixture.gateway.connections == 1)
        try fixture.gateway.stop()
    }

    @Test func `the client does not reconnect after its account is revoked`() throws {
        let error = try failure { session, type in
            guard type == .watch else { return false }
            session.send(Bye(reason: .revoked, detail: "removed"))
            return true
        }
        #expect(error.exitStatus == .noPermission)
    }

    @Test func `a gateway that sends garbage ends the client`() throws {
        let error = try failure { session, _ in
            session.send(bytes: Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8))
            return true
        }
        #expect(error.exitStatus == .protocol)
    }

    @Test func `a gateway that announces more than 64 MiB ends the client`() throws {
        let error = try failure { session, type in
            guard type == .watch else { return false }
            session.send(bytes: [0xff, 0xff, 0xff, 0xff, 0x12, 0, 1, 0])
            return true
        }
        #expect(error.exitStatus == .protocol)
    }

    @Test func `a gateway that sends WELCOME before the login ends the client`() throws {
        let error = try failure { session, _ in
            session.send(Welcome(role: .admin, time: 0))
            return true
        }
        #expect(error.exitStatus == .protocol)
    }

    @Test func `a gateway that floods the client beyond the credit ends it`() throws {
        let error = try failure { session, type in
            guard type == .watch else { return false }
            for _ in 0..<100 { session.sendFrame(session.behaviour.cameras[0]) }
            return true
        }
        #expect(error.exitStatus == .protocol)
    }

    @Test func `an unreachable gateway is named in the error`() throws {
        let fixture = try Fixture(try behaviour())
        let server = try fixture.server
        try fixture.gateway.stop()
        let events = EventLog()
        let client = try GatewayClient(
            server: server, trust: .fingerprint(fixture.gateway.fingerprint), settings: settings(), reconnects: true
        ) { events.append($0) }
        client.start()
        let error = try events.failure()
        client.stop()
        #expect(error.exitStatus == .unavailable)
        #expect(error.description.contains(server.description))
    }

    @Test func `another certificate is refused before the client sends anything`() throws {
        let fixture = try Fixture(try behaviour())
        let events = EventLog()
        let client = try GatewayClient(
            server: try fixture.server, trust: .decide { _ in false }, settings: settings(), reconnects: true
        ) { events.append($0) }
        client.start()
        guard case .untrusted(_, .untrusted(_, let presented, _)) = try events.failure() else {
            Issue.record("the client failed for another reason than the certificate")
            return
        }
        client.stop()
        #expect(presented.fingerprint == fixture.gateway.fingerprint)
        try fixture.gateway.stop()
    }

    @Test func `a certificate is trusted by its issuer`() throws {
        let fixture = try Fixture(try behaviour())
        let events = EventLog()
        let client = try GatewayClient(
            server: try fixture.server,
            trust: .authorities(file: fixture.folder.file("tls/\(TLSIdentity.selfSignedFileName)")),
            settings: settings(), reconnects: false
        ) { events.append($0) }
        client.start()
        _ = try events.frames(1)
        client.stop()
        try fixture.gateway.stop()
        #expect(throws: ClientError.self) {
            try GatewayClient(
                server: try ServerAddress("h:1"), trust: .authorities(file: fixture.folder.file("missing")),
                settings: settings(), reconnects: false
            ) { _ in }
        }
    }
}
