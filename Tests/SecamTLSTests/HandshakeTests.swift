import NIOCore
import NIOEmbedded
import SecamTestSupport
import Testing

@testable import SecamTLS

@Suite struct HandshakeTests {
    let folder: ScratchFolder
    let identity: TLSIdentity

    init() throws {
        folder = try ScratchFolder()
        identity = try folder.identity()
    }

    private func server(_ protocols: [String] = ["secam/1"]) throws -> TLSContext {
        try .server(identity: identity, applicationProtocols: protocols)
    }

    private func client(
        _ trust: TLSTrust, name: String = "camera.example", _ protocols: [String] = ["secam/1"]
    ) throws -> TLSContext {
        try .client(trust: trust, serverName: name, applicationProtocols: protocols)
    }

    private func pair(server: TLSContext? = nil, client: TLSContext) throws -> TLSPair {
        let pair = try TLSPair(server: try server ?? self.server(), client: client)
        try pair.run()
        return pair
    }

    @Test func `both sides learn the protocol and the client the fingerprint`() throws {
        let pair = try pair(
            server: server(["secam/1", "http/1.1"]),
            client: client(.fingerprint(identity.fingerprint), ["http/1.1", "secam/1"]))
        #expect(
            pair.atServer.events == [.handshakeCompleted(applicationProtocol: "secam/1", peerFingerprint: nil)])
        #expect(
            pair.atClient.events == [
                .handshakeCompleted(applicationProtocol: "secam/1", peerFingerprint: identity.fingerprint)
            ])
        #expect(pair.atServer.errors.isEmpty && pair.atClient.errors.isEmpty)
    }

    @Test func `a client with a key log appends the secrets of each connection`() throws {
        let log = try TLSKeyLog(path: folder.file("keys"))
        let client = try TLSContext.client(
            trust: .fingerprint(identity.fingerprint), serverName: "camera.example", applicationProtocols: ["secam/1"],
            keyLog: log)
        for connections in 1...2 {
            _ = try pair(client: client)
            let lines = folder.text("keys").split(separator: "\n")
            for label in ["CLIENT_HANDSHAKE_TRAFFIC_SECRET", "CLIENT_TRAFFIC_SECRET_0", "SERVER_TRAFFIC_SECRET_0"] {
                #expect(lines.filter { $0.hasPrefix("\(label) ") }.count == connections)
            }
            #expect(lines.allSatisfy { $0.split(separator: " ").count == 3 })
        }
        #expect(folder.mode("keys") == 0o600)
    }

    @Test func `a key log that cannot be opened is an error with its path`() {
        #expect(throws: TLSError.self) { try TLSKeyLog(path: "/proc/none/keys") }
    }

    @Test func `a handshake in single bytes succeeds`() throws {
        let pair = try TLSPair(server: server(), client: client(.fingerprint(identity.fingerprint)))
        pair.piece = 1
        try pair.run()
        #expect(pair.atServer.events.count == 1 && pair.atClient.events.count == 1)
    }

    @Test func `a handshake waits for its turn, and nothing is read meanwhile`() throws {
        var steps: [() -> Void] = []
        let pair = try TLSPair(
            server: server(), client: client(.fingerprint(identity.fingerprint)), handshakeTurn: { steps.append($0) })
        let reads = ReadCounter()
        try pair.server.pipeline.syncOperations.addHandler(reads, position: .first)
        try pair.run()
        #expect(steps.count == 1)
        #expect(reads.count == 0)
        #expect(pair.atServer.events.isEmpty && pair.atClient.events.isEmpty)
        steps.removeFirst()()
        #expect(reads.count == 1, "reading continues after the turn")
        try pair.run()
        #expect(pair.atClient.events.count == 1)
        #expect(pair.atServer.events.isEmpty)
        steps.removeFirst()()
        #expect(pair.atServer.events.count == 1)
    }

    @Test func `a turn that comes after the connection has ended does nothing`() throws {
        var steps: [() -> Void] = []
        let pair = try TLSPair(
            server: server(), client: client(.fingerprint(identity.fingerprint)), handshakeTurn: { steps.append($0) })
        try pair.run()
        _ = try pair.server.finish(acceptAlreadyClosed: true)
        steps.removeFirst()()
        #expect(try pair.takeRecords(from: pair.server).readableBytes == 0)
        #expect(pair.atServer.events.isEmpty)
    }

    @Test func `a client offers only elliptic curves for the key exchange`() throws {
        let pair = try TLSPair(server: server(), client: client(.fingerprint(identity.fingerprint)))
        let hello = Array(try pair.takeRecords(from: pair.client).readableBytesView)
        let groups = ClientHello.groups(hello)
        // X25519MLKEM768 if the library has it, X25519, P-256.
        #expect(groups == [0x1d, 0x17] || groups == [0x11ec, 0x1d, 0x17])
    }

    @Test func `without a common protocol both sides fail`() throws {
        let pair = try pair(client: client(.fingerprint(identity.fingerprint), ["other/1"]))
        #expect(pair.atServer.errors == [.noApplicationProtocol(offered: ["other/1"])])
        #expect(pair.atClient.errors.count == 1)
        #expect("\(try #require(pair.atClient.errors.first))".contains("no application protocol"))
        #expect(!pair.server.isActive && !pair.client.isActive)
        #expect(pair.atServer.events.isEmpty && pair.atClient.events.isEmpty)
    }

    @Test func `another fingerprint is not trusted`() throws {
        let other = try CertificateFingerprint(String(repeating: "ab", count: 32))
        let pair = try pair(client: client(.fingerprint(other)))
        guard case .untrusted("camera.example", identity.presented, let reason)? = pair.atClient.errors.first else {
            Issue.record("\(pair.atClient.errors)")
            return
        }
        #expect(reason.contains(other.description))
        #expect(pair.atServer.events.isEmpty && !pair.server.isActive && !pair.client.isActive)
    }

    @Test func `a certificate for the expected key is trusted, one for another key is not`() throws {
        let trusted = try pair(client: client(.key(identity.keyFingerprint)))
        #expect(trusted.atClient.errors.isEmpty && trusted.atClient.events.count == 1)
        let other = try PublicKeyFingerprint("SPKI-SHA256:" + String(repeating: "ab", count: 32))
        let refused = try pair(client: client(.key(other)))
        guard case .untrusted("camera.example", identity.presented, let reason)? = refused.atClient.errors.first else {
            Issue.record("\(refused.atClient.errors)")
            return
        }
        #expect(reason.contains(other.description))
        #expect(!refused.server.isActive && !refused.client.isActive)
    }

    @Test(arguments: [true, false]) func `the caller decides by the fingerprint`(_ answer: Bool) throws {
        let expected = identity.presented
        let pair = try pair(client: client(.decide { $0 == expected && answer }, name: "any name at all"))
        #expect(pair.atClient.events.count == (answer ? 1 : 0))
        #expect(pair.atClient.errors.count == (answer ? 0 : 1))
    }

    @Test(arguments: ["camera.example", "192.0.2.7"]) func `an authority's certificate is trusted for its names`(
        _ name: String
    ) throws {
        let pair = try pair(client: client(.authorities(file: folder.path + "/identity.pem"), name: name))
        #expect(pair.atClient.events.count == 1, "\(pair.atClient.errors)")
    }

    @Test(arguments: [("other.example", "hostname mismatch"), ("192.0.2.8", "IP address mismatch")])
    func `an authority's certificate is not trusted for other names`(_ name: String, _ reason: String) throws {
        let pair = try pair(client: client(.authorities(file: folder.path + "/identity.pem"), name: name))
        #expect(
            pair.atClient.errors == [
                .untrusted(serverName: name, presented: identity.presented, reason: reason)
            ])
        #expect(!pair.client.isActive)
    }

    @Test func `the certificate of another authority is not trusted`() throws {
        let file = try folder.identityFile("other.pem")
        let pair = try pair(client: client(.authorities(file: file)))
        guard case .untrusted? = pair.atClient.errors.first else {
            Issue.record("\(pair.atClient.errors)")
            return
        }
    }

    @Test func `invalid settings are rejected before any connection`() throws {
        #expect(throws: TLSError.self) { try server([]) }
        #expect(throws: TLSError.self) { try server([""]) }
        #expect(throws: TLSError.self) { try server([String(repeating: "x", count: 256)]) }
        #expect(throws: TLSError.self) { try client(.authorities(file: folder.path + "/missing.pem")) }
        #expect(throws: TLSError.self) { try client(.authorities(file: folder.path + "/identity.pem"), name: "a b") }
        let garbage = try folder.write("garbage.pem", Array("no certificate".utf8))
        #expect(throws: TLSError.self) { try client(.authorities(file: garbage)) }
    }

    @Test func `data written before the handshake arrives after it`() throws {
        let pair = try TLSPair(server: server(), client: client(.fingerprint(identity.fingerprint)))
        let written = pair.client.writeAndFlush(pattern(5000))
        try pair.run()
        try written.wait()
        #expect(pair.atServer.received == pattern(5000))
    }

    @Test func `too much data before the handshake ends the connection`() throws {
        let pair = try TLSPair(server: server(), client: client(.fingerprint(identity.fingerprint)))
        let first = pair.client.writeAndFlush(pattern(TLSLimits.bytesBeforeHandshake))
        let second = pair.client.writeAndFlush(pattern(1))
        let expected = TLSError.queueFull(limit: TLSLimits.bytesBeforeHandshake)
        #expect(throws: expected) { try first.wait() }
        #expect(throws: expected) { try second.wait() }
        #expect(pair.atClient.errors == [expected])
        #expect(!pair.client.isActive)
    }
}

@Suite final class HostileHandshakeTests {
    let folder: ScratchFolder
    let channel = EmbeddedChannel()
    let recorder = Recorder()

    init() throws {
        folder = try ScratchFolder()
        let context = try TLSContext.server(identity: folder.identity(), applicationProtocols: ["secam/1"])
        try channel.pipeline.syncOperations.addHandlers(TLSHandler(context: context), recorder)
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
    }

    deinit {
        _ = try? channel.finish(acceptAlreadyClosed: true)
    }

    /// A ClientHello (RFC 8446 §4.1.2) of TLS 1.2 unless an extension says otherwise.
    private func clientHello(extensions: [UInt8]) -> ByteBuffer {
        var body: [UInt8] = [3, 3] + [UInt8](repeating: 7, count: 32) + [0, 0, 4, 0x13, 0x01, 0xc0, 0x2b, 1, 0]
        body += [UInt8(extensions.count >> 8), UInt8(extensions.count & 255)] + extensions
        let message = [1, 0, UInt8(body.count >> 8), UInt8(body.count & 255)] + body
        return ByteBuffer(bytes: [22, 3, 1, UInt8(message.count >> 8), UInt8(message.count & 255)] + message)
    }

    private func expectFailure(_ contains: String) throws {
        #expect(recorder.errors.count == 1)
        #expect("\(try #require(recorder.errors.first))".contains(contains), "\(recorder.errors)")
        #expect(!channel.isActive && recorder.isInactive)
        #expect(recorder.received.readableBytes == 0 && recorder.events.isEmpty)
    }

    @Test func `a client of TLS 1.2 is refused with an alert`() throws {
        // With the right application protocol (ALPN, RFC 7301 §3.1), so that only the version is wrong.
        try channel.writeInbound(clientHello(extensions: [0, 16, 0, 10, 0, 8, 7] + Array("secam/1".utf8)))
        try expectFailure("unsupported protocol")
        let alert = try #require(try channel.readOutbound(as: ByteBuffer.self))
        #expect(Array(alert.readableBytesView.suffix(2)) == [2, 70], "fatal, protocol_version")
    }

    @Test func `a client without application protocols is refused with an alert`() throws {
        // The extension supported_versions with TLS 1.3 only.
        try channel.writeInbound(clientHello(extensions: [0, 43, 0, 3, 2, 3, 4]))
        try expectFailure("the peer offers no application protocol")
        let alert = try #require(try channel.readOutbound(as: ByteBuffer.self))
        #expect(Array(alert.readableBytesView.suffix(2)) == [2, 120], "fatal, no_application_protocol")
    }

    @Test func `an HTTP request is refused`() throws {
        try channel.writeInbound(ByteBuffer(string: "GET / HTTP/1.1\r\nHost: camera\r\n\r\n"))
        try expectFailure("TLS handshake failed")
    }

    @Test func `random bytes are refused`() throws {
        try channel.writeInbound(ByteBuffer(bytes: [22, 3, 1, 0xff, 0xff] + [UInt8](repeating: 0xee, count: 70_000)))
        try expectFailure("TLS handshake failed")
    }

    @Test func `a ClientHello with a wrong length is refused`() throws {
        var hello = clientHello(extensions: [0, 43, 0, 200, 2, 3, 4])
        try channel.writeInbound(hello.readSlice(length: hello.readableBytes))
        try expectFailure("TLS handshake failed")
    }

    @Test func `a peer that disconnects during the handshake is an error`() throws {
        var hello = clientHello(extensions: [0, 43, 0, 3, 2, 3, 4])
        try channel.writeInbound(hello.readSlice(length: 20))
        try channel.close().wait()
        #expect(recorder.isInactive)
        #expect(recorder.errors.isEmpty, "closed by this side")
    }

    @Test func `the end of the stream during the handshake is an error`() throws {
        var hello = clientHello(extensions: [0, 43, 0, 3, 2, 3, 4])
        try channel.writeInbound(hello.readSlice(length: 20))
        channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        try expectFailure("closed the connection before it was complete")
    }
}

private enum ClientHello {
    /// Returns the extension `supported_groups` (RFC 8446 §4.2.7) of a ClientHello in one record.
    static func groups(_ record: [UInt8]) -> [Int]? {
        func number(_ offset: Int) -> Int { Int(record[offset]) << 8 | Int(record[offset + 1]) }
        // Skips the headers of record and message, the version and the random bytes.
        var offset = 5 + 4 + 2 + 32
        offset += 1 + Int(record[offset])
        offset += 2 + number(offset)
        offset += 1 + Int(record[offset])
        let end = offset + 2 + number(offset)
        offset += 2
        while offset < end {
            guard number(offset) == 10 else {
                offset += 4 + number(offset + 2)
                continue
            }
            return stride(from: offset + 6, to: offset + 6 + number(offset + 4), by: 2).map(number)
        }
        return nil
    }
}

extension TLSIdentity {
    var presented: PresentedCertificate { PresentedCertificate(fingerprint: fingerprint, key: keyFingerprint) }
}
