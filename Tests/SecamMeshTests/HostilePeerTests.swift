import Glibc
import SecamMesh
import SecamTestSupport
import SecamWire
import Testing

/// A socket that listens on a loop of its own, and whom it admits.
private actor Listener {
    private let loop: MeshLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }

    private var admitted: Set<PublicKey> = []
    private var admission: ZAPHandler?
    private var socket: MeshSocket?
    private(set) var refusals = 0
    private(set) var received: [(key: PublicKey?, bytes: [UInt8])] = []

    private init(_ loop: MeshLoop) { self.loop = loop }

    /// - Returns: the listener and where it listens.
    static func start(_ keys: KeyPair, messageLimit: Int) async throws -> (Listener, String) {
        let loop = MeshLoop(name: "test-listener")
        let listener = Listener(loop)
        return (listener, try await listener.begin(keys, messageLimit))
    }

    func admit(_ key: PublicKey) { admitted.insert(key) }

    var passedOver: UInt64 { socket?.refused ?? 0 }

    func has(_ bytes: [UInt8], from key: PublicKey) -> Bool {
        received.contains { $0.key == key && $0.bytes == bytes }
    }

    func stop() {
        if let socket { loop.unwatch(socket) }
        if let admission { loop.unwatch(admission) }
        socket = nil
        loop.stop()
    }

    private func begin(_ keys: KeyPair, _ messageLimit: Int) throws -> String {
        let admission = try ZAPHandler(
            MeshContext(), isAdmitted: { [unowned self] key in assumeIsolated { $0.admitted.contains(key) } },
            onRefusal: { [unowned self] _, _ in assumeIsolated { $0.refusals += 1 } })
        loop.watch(admission)
        self.admission = admission
        let socket = try MeshSocket.listen(
            admission: admission, endpoint: "tcp://127.0.0.1:*", keys: keys, messageLimit: messageLimit)
        loop.watch(socket) { [unowned self] in assumeIsolated { $0.receive() } }
        self.socket = socket
        return socket.endpoint
    }

    private func receive() {
        while let next = socket?.receive() {
            received.append((next.key, next.message.withBytes { [UInt8](copying: $0) }))
        }
    }
}

/// Peers of a listening socket, over real libzmq and real TCP.
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

    /// Sends until it can be sent, then until it has arrived.
    private func deliver(_ bytes: [UInt8], over socket: MeshSocket, as key: PublicKey, to listener: Listener)
        async throws
    {
        #expect(try await waitUntil { socket.send(MeshMessage(bytes)) == .sent })
        #expect(try await waitUntil { await listener.has(bytes, from: key) })
    }

    @Test func anUnknownKeyGetsNothingThroughUntilItIsAdmitted() async throws {
        let (listener, endpoint) = try await Listener.start(server, messageLimit: 4096)
        let stranger = try KeyPair()
        let socket = try connect(endpoint, as: stranger)
        #expect(try await waitUntil { await listener.refusals >= 2 }, "it tries again, and is refused again")
        #expect(socket.send(MeshMessage([1])) == .unreachable)
        #expect(await listener.received.isEmpty)
        await listener.admit(stranger.publicKey)
        try await deliver([2], over: socket, as: stranger.publicKey, to: listener)
        await listener.stop()
    }

    @Test func aServerWithAnotherKeyIsNotSpokenTo() async throws {
        let (listener, endpoint) = try await Listener.start(server, messageLimit: 4096)
        await listener.admit(good.publicKey)
        let deceived = try connect(endpoint, as: good, to: try KeyPair().publicKey)
        let socket = try connect(endpoint, as: good)
        try await deliver([1], over: socket, as: good.publicKey, to: listener)
        #expect(deceived.send(MeshMessage([2])) == .unreachable)
        await listener.stop()
    }

    @Test func whatIsNoZeroMQDisturbsNobody() async throws {
        let (listener, endpoint) = try await Listener.start(server, messageLimit: 4096)
        await listener.admit(good.publicKey)
        let socket = try connect(endpoint, as: good)
        try await deliver([1], over: socket, as: good.publicKey, to: listener)
        let port = try #require(endpoint.split(separator: ":").last.flatMap { UInt16($0) })
        var random = SeededGenerator(seed: 7)
        // Noise, HTTP, the greeting of a peer without encryption, and one that says nothing.
        let plain: [UInt8] =
            [0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 1] + Array("NULL".utf8) + [UInt8](repeating: 0, count: 48)
        var descriptors: [Int32] = []
        for bytes in [random.bytes(5000), Array("GET / HTTP/1.1\r\n\r\n".utf8), plain, []] {
            descriptors.append(try dial(port, bytes))
        }
        try await deliver([2], over: socket, as: good.publicKey, to: listener)
        for descriptor in descriptors { close(descriptor) }
        #expect(await listener.received.count == 2, "nothing but what the admitted one sent")
        await listener.stop()
    }

    @Test func aMessageOverTheLimitCutsOffItsSenderOnly() async throws {
        let (listener, endpoint) = try await Listener.start(server, messageLimit: 4096)
        let greedy = try KeyPair()
        await listener.admit(good.publicKey)
        await listener.admit(greedy.publicKey)
        let socket = try connect(endpoint, as: good)
        let large = try connect(endpoint, as: greedy)
        try await deliver([1], over: socket, as: good.publicKey, to: listener)
        try await deliver([2], over: large, as: greedy.publicKey, to: listener)
        #expect(large.send(MeshMessage([UInt8](repeating: 9, count: 1 << 20))) == .sent)
        // It connects anew, since libzmq does, and is heard again; what was too long never arrives.
        #expect(
            try await waitUntil {
                _ = large.send(MeshMessage([3]))
                return await listener.has([3], from: greedy.publicKey)
            })
        try await deliver([4], over: socket, as: good.publicKey, to: listener)
        #expect(await !listener.received.contains { $0.bytes.count > 4096 })
        await listener.stop()
    }

    @Test func aPeerWithoutEncryptionGetsNothingThrough() async throws {
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

    @Test func onlyMessagesOfOnePartAreTaken() async throws {
        let (listener, endpoint) = try await Listener.start(server, messageLimit: 4096)
        await listener.admit(good.publicKey)
        let peer = try RawPeer(endpoint, server: server.publicKey, keys: good)
        #expect(try await waitUntil { peer.send([0]) })
        // More than is passed over at one look.
        for _ in 0..<100 {
            #expect(peer.send([1], [2]))
            #expect(peer.send([], [3], [4, 5]))
        }
        #expect(peer.send([6]))
        #expect(try await waitUntil { await listener.has([6], from: good.publicKey) })
        #expect(await listener.received.map(\.bytes) == [[0], [6]])
        #expect(await listener.passedOver == 200)
        await listener.stop()
    }

    @Test(arguments: [Array("gateway".utf8), [1, 2, 3, 4, 5], [7], [0, 1, 2, 3], [UInt8](repeating: 0, count: 6)])
    func aPeerThatChoosesItsOwnNumberIsNotListenedTo(routingID: [UInt8]) async throws {
        let (listener, endpoint) = try await Listener.start(server, messageLimit: 4096)
        let other = try KeyPair()
        await listener.admit(good.publicKey)
        await listener.admit(other.publicKey)
        let chooser = try RawPeer(endpoint, server: server.publicKey, keys: other, routingID: routingID)
        #expect(try await waitUntil { chooser.send([1]) })
        #expect(try await waitUntil { await listener.passedOver == 1 })
        let socket = try connect(endpoint, as: good)
        try await deliver([2], over: socket, as: good.publicKey, to: listener)
        #expect(await listener.received.count == 1)
        await listener.stop()
    }

    /// A TCP connection that has sent these bytes.
    private func dial(_ port: UInt16, _ bytes: [UInt8]) throws -> Int32 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let status = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe Glibc.connect(descriptor, $0, 16)
            }
        }
        guard status == 0 else { throw TestFailure("cannot connect to port \(port)") }
        if !bytes.isEmpty { _ = unsafe send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) }
        return descriptor
    }
}
