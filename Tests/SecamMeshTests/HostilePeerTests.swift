import Glibc
import SecamMesh
import SecamTestSupport
import SecamWire
import Testing

/// Peers of a listening socket, with real libzmq and TCP.
@Suite struct HostilePeerTests {
    private let server: KeyPair
    private let good: KeyPair

    init() throws {
        server = try KeyPair()
        good = try KeyPair()
    }

    private func connect(_ endpoint: String, as keys: KeyPair, to key: PublicKey? = nil) throws -> MeshSocket {
        try MeshSocket.connect(
            try MeshContext(), endpoint: endpoint, serverKey: key ?? server.publicKey, keys: keys)
    }

    /// Retries until the message is sent, then waits until it has arrived.
    private func deliver(_ bytes: [UInt8], over socket: MeshSocket, as key: PublicKey, to listener: Listener)
        async throws
    {
        #expect(try await waitUntil { socket.send(MeshMessage(bytes)) == .sent })
        #expect(try await waitUntil { await listener.has(bytes, from: key) })
    }

    @Test func `an unknown key gets nothing through until it is admitted`() async throws {
        let (listener, endpoint) = try await Listener.start(server, messageLimit: 4096)
        let stranger = try KeyPair()
        let socket = try connect(endpoint, as: stranger)
        #expect(try await waitUntil { await listener.refusals >= 2 }, "it retries and is refused again")
        #expect(socket.send(MeshMessage([1])) == .unreachable)
        #expect(await listener.received.isEmpty)
        await listener.admit(stranger.publicKey)
        try await deliver([2], over: socket, as: stranger.publicKey, to: listener)
        await listener.stop()
    }

    @Test func `a server with another key is not used`() async throws {
        let (listener, endpoint) = try await Listener.start(server, messageLimit: 4096)
        await listener.admit(good.publicKey)
        let deceived = try connect(endpoint, as: good, to: try KeyPair().publicKey)
        let socket = try connect(endpoint, as: good)
        try await deliver([1], over: socket, as: good.publicKey, to: listener)
        #expect(deceived.send(MeshMessage([2])) == .unreachable)
        await listener.stop()
    }

    @Test func `a peer that does not speak ZeroMQ disturbs no other peer`() async throws {
        let (listener, endpoint) = try await Listener.start(server, messageLimit: 4096)
        await listener.admit(good.publicKey)
        let socket = try connect(endpoint, as: good)
        try await deliver([1], over: socket, as: good.publicKey, to: listener)
        let port = try #require(endpoint.split(separator: ":").last.flatMap { UInt16($0) })
        var random = SeededGenerator(seed: 7)
        // Noise, HTTP, the greeting of a peer without encryption, and a silent connection.
        let plain: [UInt8] =
            [0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 1] + Array("NULL".utf8) + [UInt8](repeating: 0, count: 48)
        var descriptors: [Int32] = []
        for bytes in [random.bytes(5000), Array("GET / HTTP/1.1\r\n\r\n".utf8), plain, []] {
            descriptors.append(try dial(port, bytes))
        }
        try await deliver([2], over: socket, as: good.publicKey, to: listener)
        for descriptor in descriptors { close(descriptor) }
        #expect(await listener.received.count == 2, "only the messages of the admitted peer")
        await listener.stop()
    }

    @Test func `a message over the limit disconnects only its sender`() async throws {
        let (listener, endpoint) = try await Listener.start(server, messageLimit: 4096)
        let greedy = try KeyPair()
        await listener.admit(good.publicKey)
        await listener.admit(greedy.publicKey)
        let socket = try connect(endpoint, as: good)
        let large = try connect(endpoint, as: greedy)
        try await deliver([1], over: socket, as: good.publicKey, to: listener)
        try await deliver([2], over: large, as: greedy.publicKey, to: listener)
        #expect(large.send(MeshMessage([UInt8](repeating: 9, count: 1 << 20))) == .sent)
        // libzmq reconnects, and further messages arrive; the oversized one never does.
        #expect(
            try await waitUntil {
                _ = large.send(MeshMessage([3]))
                return await listener.has([3], from: greedy.publicKey)
            })
        try await deliver([4], over: socket, as: good.publicKey, to: listener)
        #expect(await !listener.received.contains { $0.bytes.count > 4096 })
        await listener.stop()
    }

    @Test func `a message of exactly the limit arrives, and one byte more does not`() async throws {
        let (listener, endpoint) = try await Listener.start(server, messageLimit: 4096)
        await listener.admit(good.publicKey)
        let socket = try connect(endpoint, as: good)
        try await deliver([1], over: socket, as: good.publicKey, to: listener)
        let largest = [UInt8](repeating: 9, count: 4096)
        #expect(socket.send(MeshMessage(largest)) == .sent)
        #expect(try await waitUntil { await listener.has(largest, from: good.publicKey) })
        #expect(socket.send(MeshMessage(largest + [9])) == .sent)
        #expect(
            try await waitUntil {
                _ = socket.send(MeshMessage([2]))
                return await listener.has([2], from: good.publicKey)
            })
        #expect(await !listener.received.contains { $0.bytes.count > 4096 })
        await listener.stop()
    }

    @Test func `a peer without encryption gets nothing through`() async throws {
        let (listener, endpoint) = try await Listener.start(server, messageLimit: 4096)
        await listener.admit(good.publicKey)
        let plain = try RawPeer(endpoint, server: server.publicKey, keys: nil)
        let encrypted = try RawPeer(endpoint, server: server.publicKey, keys: good)
        #expect(try await waitUntil { encrypted.send([1]) })
        #expect(try await waitUntil { await listener.has([1], from: good.publicKey) })
        #expect(!plain.send([2]))
        #expect(await listener.received.count == 1)
        await listener.stop()
    }

    @Test func `a message of several parts costs its sender the connection`() async throws {
        let (listener, endpoint) = try await Listener.start(server, messageLimit: 4096)
        await listener.admit(good.publicKey)
        let peer = try RawPeer(endpoint, server: server.publicKey, keys: good)
        #expect(try await waitUntil { peer.send([0]) })
        #expect(peer.send([], [3], [4, 5]))
        #expect(try await waitUntil { await listener.rejectedCount == 1 })
        #expect(await listener.closings.map(\.key) == [good.publicKey])
        // libzmq reconnects, and further messages arrive.
        #expect(
            try await waitUntil {
                _ = peer.send([6])
                return await listener.has([6], from: good.publicKey)
            })
        #expect(await listener.received.allSatisfy { $0.bytes.count == 1 })
        await listener.stop()
    }

    @Test(arguments: [
        Array("gateway".utf8), [1, 2, 3, 4, 5], [7], [0, 1, 2, 3], [0, 1, 2, 3, 4], [UInt8](repeating: 0, count: 16),
    ])
    func `a routing id that peers claim is replaced by the listener's own`(routingID: [UInt8]) async throws {
        let (listener, endpoint) = try await Listener.start(server, messageLimit: 4096)
        let other = try KeyPair()
        await listener.admit(good.publicKey)
        await listener.admit(other.publicKey)
        // With both claiming the same id, the second peer would not be heard.
        let first = try RawPeer(endpoint, server: server.publicKey, keys: other, routingID: routingID)
        let second = try RawPeer(endpoint, server: server.publicKey, keys: good, routingID: routingID)
        #expect(try await waitUntil { first.send([1]) && second.send([2]) })
        #expect(try await waitUntil { await listener.has([1], from: other.publicKey) })
        #expect(try await waitUntil { await listener.has([2], from: good.publicKey) })
        #expect(await Set(listener.received.map(\.peer)).count == 2)
        #expect(await listener.rejectedCount == 0)
        await listener.stop()
    }

    /// Returns a TCP connection that has sent these bytes.
    private func dial(_ port: UInt16, _ bytes: [UInt8]) throws -> Int32 {
        let descriptor = try Loopback.connect(to: port)
        if !bytes.isEmpty { _ = unsafe send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) }
        return descriptor
    }
}
