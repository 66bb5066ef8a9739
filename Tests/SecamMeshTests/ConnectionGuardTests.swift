import Glibc
import SecamMesh
import SecamTestSupport
import SecamWire
import Testing

/// Resource limits of a listening socket against hostile peers, with real libzmq and TCP.
@Suite struct ConnectionGuardTests {
    private let server: KeyPair
    private let good: KeyPair
    private let hostile: KeyPair

    init() throws {
        server = try KeyPair()
        good = try KeyPair()
        hostile = try KeyPair()
    }

    /// Upper bound of the bytes that an attack below may send before it is stopped.
    private static let plenty = 512 << 20

    private func start(_ limits: ConnectionLimits = .member) async throws -> (Listener, String) {
        var limits = limits
        // A raw connection answers no heartbeats, and a test may wait long for the processor.
        limits.heartbeatTimeout = .seconds(3600)
        let (listener, endpoint) = try await Listener.start(
            server, messageLimit: WireLimits.meshMessage, limits: limits)
        await listener.admit(good.publicKey)
        await listener.admit(hostile.publicKey)
        return (listener, endpoint)
    }

    /// Connects as a ZeroMQ peer does, which tries again when a handshake took too long.
    private func connect(_ endpoint: String, as keys: KeyPair) async throws -> RawConnection {
        try await eventually("a handshake") {
            let connection = try RawConnection(endpoint)
            do {
                try connection.authenticate(as: keys, server: server.publicKey)
                return connection
            } catch {
                return nil
            }
        }
    }

    /// Checks that a peer is served.
    ///
    /// - Parameter keys: the peer's; `nil` for the honest one's.
    private func deliver(
        _ bytes: [UInt8], over connection: RawConnection, as keys: KeyPair? = nil, to listener: Listener
    ) async throws {
        let isSent = connection.send(bytes)
        #expect(isSent)
        let key = (keys ?? good).publicKey
        #expect(try await waitUntil { await listener.has(bytes, from: key) })
    }

    /// Sends until the other end closes the connection.
    ///
    /// - Returns: the number of bytes sent.
    private func exhaust(_ chunk: [UInt8], _ send: ([UInt8]) -> Bool) -> Int {
        var sent = 0
        while sent < Self.plenty, send(chunk) { sent += chunk.count }
        return sent
    }

    @Test func `an endless message costs its sender the connection`() async throws {
        let (listener, endpoint) = try await start()
        let honest = try await connect(endpoint, as: good)
        try await deliver([1], over: honest, to: listener)
        let attacker = try await connect(endpoint, as: hostile)
        #expect(attacker.send([2]))
        let sent = exhaust([UInt8](repeating: 0, count: 60_000)) { attacker.send($0, hasMore: true) }
        #expect(sent < Self.plenty)
        #expect(try await waitUntil { await listener.closings.contains { $0.key == hostile.publicKey } })
        try await deliver([3], over: honest, to: listener)
        await listener.stop()
    }

    @Test func `an endless message is detected before the first whole one`() async throws {
        let (listener, endpoint) = try await start()
        let attacker = try await connect(endpoint, as: hostile)
        let sent = exhaust([UInt8](repeating: 0, count: 60_000)) { attacker.send($0, hasMore: true) }
        #expect(sent < Self.plenty)
        #expect(await !listener.closings.isEmpty)
        await listener.stop()
    }

    @Test func `a large frame before the handshake costs its sender the connection`() async throws {
        let (listener, endpoint) = try await start()
        let attacker = try RawConnection(endpoint)
        try attacker.greet()
        // A command of 64 MiB less 100 bytes.
        attacker.sendRaw([6, 0, 0, 0, 0, 3, 0xff, 0xff, 0x9c])
        let sent = exhaust([UInt8](repeating: 0, count: 65536), attacker.sendRaw)
        #expect(sent < 60 << 20)
        #expect(try await waitUntil { await !listener.closings.isEmpty })
        #expect(await listener.closings.allSatisfy { $0.key == nil })
        let honest = try await connect(endpoint, as: good)
        try await deliver([1], over: honest, to: listener)
        await listener.stop()
    }

    @Test func `a connection without a handshake is closed`() async throws {
        let (listener, endpoint) = try await start()
        let mute = try RawConnection(endpoint)
        let greeter = try RawConnection(endpoint)
        try greeter.greet()
        #expect(try await waitUntil { mute.isClosed && greeter.isClosed })
        await listener.stop()
    }

    @Test func `connections beyond one batch of checks are closed too`() async throws {
        var limits = ConnectionLimits.member
        limits.silentConnectionsPerAddress = .max
        limits.acceptsPerSecondPerAddress = .max
        let (listener, endpoint) = try await start(limits)
        var mute: [RawConnection] = []
        for _ in 0..<600 { mute.append(try RawConnection(endpoint)) }
        #expect(try await waitUntil { mute.allSatisfy(\.isClosed) })
        await listener.stop()
    }

    @Test func `peers that leave while their messages wait do not end the process`() async throws {
        let (listener, endpoint) = try await start()
        var leaving: [RawConnection] = []
        for _ in 0..<4 { leaving.append(try await connect(endpoint, as: hostile)) }
        for (index, connection) in leaving.enumerated() {
            try await deliver([UInt8(index)], over: connection, as: hostile, to: listener)
        }
        // Heartbeats are due every second.
        async let pause: Void = listener.occupy(seconds: 4)
        for connection in leaving {
            connection.resetAtEnd()
            for _ in 0..<4000 where !connection.send([7]) { break }
        }
        leaving = []
        await pause
        let honest = try await connect(endpoint, as: good)
        try await deliver([1], over: honest, to: listener)
        await listener.stop()
    }

    @Test func `the connection of a revoked key is closed`() async throws {
        let (listener, endpoint) = try await start()
        let honest = try await connect(endpoint, as: good)
        try await deliver([1], over: honest, to: listener)
        let revoked = try await connect(endpoint, as: hostile)
        #expect(revoked.send([2]))
        #expect(try await waitUntil { await listener.has([2], from: hostile.publicKey) })
        await listener.revoke(hostile.publicKey)
        #expect(try await waitUntil { revoked.isClosed })
        try await deliver([3], over: honest, to: listener)
        await listener.stop()
    }

    @Test func `a peer that does not read costs a limited number of bytes`() async throws {
        var limits = ConnectionLimits.member
        limits.unacknowledgedBytes = 4 << 20
        let (listener, endpoint) = try await start(limits)
        let honest = try await connect(endpoint, as: good)
        try await deliver([1], over: honest, to: listener)
        let slow = try RawConnection(endpoint, receiveBuffer: 4096)
        try slow.authenticate(as: hostile, server: server.publicKey)
        #expect(slow.send([2]))
        #expect(try await waitUntil { await listener.has([2], from: hostile.publicKey) })
        let peer = try #require(await listener.received.first { $0.key == hostile.publicKey }?.peer)
        let message = [UInt8](repeating: 0, count: 65536)
        var count = 0
        while count < 1000, await listener.send(message, to: peer) { count += 1 }
        #expect(count < 100, "4 MiB, the bytes in the peer's kernel and the last message")
        #expect(await listener.closings.map(\.key) == [hostile.publicKey])
        try await deliver([3], over: honest, to: listener)
        await listener.stop()
    }

    @Test func `bytes that wait for all peers together are limited`() async throws {
        var limits = ConnectionLimits.member
        limits.totalUnacknowledgedBytes = 8 << 20
        let (listener, endpoint) = try await start(limits)
        var slow: [RawConnection] = []
        for number in UInt8(0)..<8 {
            let connection = try RawConnection(endpoint, receiveBuffer: 4096)
            try connection.authenticate(as: hostile, server: server.publicKey)
            #expect(connection.send([number]))
            #expect(try await waitUntil { await listener.has([number], from: hostile.publicKey) })
            slow.append(connection)
        }
        let peers = await listener.received.compactMap(\.peer)
        let message = [UInt8](repeating: 0, count: 65536)
        for _ in 0..<64 {
            for peer in peers { _ = await listener.send(message, to: peer) }
        }
        #expect(await listener.closings.count > 0)
        let honest = try await connect(endpoint, as: good)
        try await deliver([9], over: honest, to: listener)
        await listener.stop()
    }

    @Test func `connections of one key are limited`() async throws {
        var limits = ConnectionLimits.member
        limits.connectionsPerKey = 3
        let (listener, endpoint) = try await start(limits)
        var connections: [RawConnection] = []
        for number in UInt8(0)..<3 {
            connections.append(try await connect(endpoint, as: hostile))
            #expect(connections.last!.send([number]))
            #expect(try await waitUntil { await listener.has([number], from: hostile.publicKey) })
        }
        let further = try await connect(endpoint, as: hostile)
        #expect(further.send([3]))
        #expect(try await waitUntil { further.isClosed })
        #expect(connections.allSatisfy { !$0.isClosed })
        let honest = try await connect(endpoint, as: good)
        try await deliver([9], over: honest, to: listener)
        await listener.stop()
    }

    @Test func `the oldest silent connection of an address makes room for the next`() async throws {
        var limits = ConnectionLimits.member
        limits.silentConnectionsPerAddress = 3
        let (listener, endpoint) = try await start(limits)
        let honest = try await connect(endpoint, as: good)
        try await deliver([1], over: honest, to: listener)
        // Authenticated, so that they may stay.
        var silent: [RawConnection] = []
        for _ in 0..<5 { silent.append(try await connect(endpoint, as: hostile)) }
        #expect(try await waitUntil { silent[0].isClosed && silent[1].isClosed })
        #expect(silent[2...].allSatisfy { !$0.isClosed })
        try await deliver([2], over: honest, to: listener)
        let next = try await connect(endpoint, as: good)
        try await deliver([3], over: next, to: listener)
        await listener.stop()
    }

    @Test func `connections in total are limited`() async throws {
        var limits = ConnectionLimits.member
        limits.connections = 3
        let (listener, endpoint) = try await start(limits)
        let honest = try await connect(endpoint, as: good)
        try await deliver([1], over: honest, to: listener)
        var silent: [RawConnection] = []
        for _ in 0..<3 { silent.append(try await connect(endpoint, as: hostile)) }
        #expect(try await waitUntil { silent[0].isClosed })
        #expect(silent[1...].allSatisfy { !$0.isClosed })
        try await deliver([2], over: honest, to: listener)
        await listener.stop()
    }

    @Test func `connections from one address within a second are limited`() async throws {
        var limits = ConnectionLimits.member
        limits.acceptsPerSecondPerAddress = 5
        let (listener, endpoint) = try await start(limits)
        // More than a slow machine opens within several seconds.
        #expect(
            try await waitUntil {
                for _ in 0..<20 { _ = try? RawConnection(endpoint) }
                return await listener.closings.contains { $0.reason.contains("a second") }
            })
        await listener.stop()
    }

    @Test func `a server's endless message costs the connecting side a limited number of bytes`() async throws {
        let (listener, port) = try Loopback.listen()
        defer { close(listener) }
        let endpoint = "tcp://127.0.0.1:\(port)"
        let loop = MeshLoop(name: "test-connecting")
        let held = HeldSocket()
        let received = Seen<Int>()
        loop.post { [server, good] in
            do {
                let client = try MeshSocket.connect(
                    try MeshContext(), endpoint: endpoint, serverKey: server.publicKey, keys: good)
                held.value = client
                loop.watch(client) { while let next = held.value?.receive() { received.add(next.message.count) } }
            } catch { Issue.record(error) }
        }
        let hostileServer = try RawConnection.accept(listener, keys: server)
        #expect(hostileServer.send([1]))
        #expect(try await waitUntil { received.values == [1] })
        let sent = exhaust([UInt8](repeating: 0, count: 60_000)) { hostileServer.send($0, hasMore: true) }
        #expect(sent < Self.plenty)
        // libzmq reconnects.
        let honestServer = try RawConnection.accept(listener, keys: server)
        #expect(honestServer.send([1, 2]))
        #expect(try await waitUntil { received.values == [1, 2] })
        loop.post {
            if let client = held.value { loop.unwatch(client) }
            held.value = nil
        }
        loop.stop()
    }

    @Test func `a peer may send any number of whole messages`() async throws {
        let (listener, endpoint) = try await start()
        let honest = try await connect(endpoint, as: good)
        for number in UInt8(0)..<200 {
            try await deliver([number] + [UInt8](repeating: 0, count: 60_000), over: honest, to: listener)
        }
        #expect(await listener.closings.isEmpty)
        await listener.stop()
    }
}

/// Used only on its loop's thread.
private final class HeldSocket: @unchecked Sendable { var value: MeshSocket? }
