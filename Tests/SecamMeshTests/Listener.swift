import Glibc
import SecamMesh
import SecamTestSupport
import SecamWire

/// A listening socket with its own loop and key list.
actor Listener {
    private let loop: MeshLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }

    private var admitted: Set<PublicKey> = []
    private var admission: ZAPHandler?
    private var socket: MeshSocket?
    private(set) var refusals = 0
    private(set) var received: [(key: PublicKey?, peer: PeerID?, bytes: [UInt8])] = []

    private init(_ loop: MeshLoop) { self.loop = loop }

    /// - Returns: the listener and its endpoint.
    static func start(
        _ keys: KeyPair, messageLimit: Int, limits: ConnectionLimits = .member
    ) async throws -> (Listener, String) {
        let loop = MeshLoop(name: "test-listener")
        let listener = Listener(loop)
        return (listener, try await listener.start(keys, messageLimit, limits))
    }

    /// The connections that were closed because they exceeded a limit.
    private(set) var closings: [(reason: String, key: PublicKey?)] = []

    /// Revokes a key.
    func revoke(_ key: PublicKey) {
        admitted.remove(key)
        socket?.closeConnections { !admitted.contains($0) }
    }

    /// - Returns: false when the peer is unreachable.
    func send(_ bytes: [UInt8], to peer: PeerID) -> Bool { socket?.send(MeshMessage(bytes), to: peer) == .sent }

    func admit(_ key: PublicKey) { admitted.insert(key) }

    var rejectedCount: UInt64 { socket?.rejectedCount ?? 0 }

    func has(_ bytes: [UInt8], from key: PublicKey) -> Bool {
        received.contains { $0.key == key && $0.bytes.count == bytes.count && isSame($0.bytes, bytes) }
    }

    /// Compares bytes at once: `==` on arrays is slow in a debug build.
    private func isSame(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        unsafe memcmp(left, right, left.count) == 0
    }

    /// Occupies the loop, as a busy service does.
    func occupy(seconds: UInt32) { sleep(seconds) }

    func stop() {
        if let socket { loop.unwatch(socket) }
        if let admission { loop.unwatch(admission) }
        socket = nil
        loop.stop()
    }

    private func start(_ keys: KeyPair, _ messageLimit: Int, _ limits: ConnectionLimits) throws -> String {
        let admission = try ZAPHandler(
            MeshContext(),
            isAdmitted: { [weak self] key in self?.assumeIsolated { $0.admitted.contains(key) } ?? false },
            onRefusal: { [weak self] _, _ in self?.assumeIsolated { $0.refusals += 1 } })
        loop.watch(admission)
        self.admission = admission
        let socket = try MeshSocket.listen(
            admission: admission, endpoint: "tcp://127.0.0.1:*", keys: keys, messageLimit: messageLimit,
            limits: limits)
        socket.onConnectionClosed { [weak self] reason, key, _ in
            self?.assumeIsolated { $0.closings.append((reason, key)) }
        }
        loop.watch(socket) { [weak self] in self?.assumeIsolated { $0.receive() } }
        self.socket = socket
        return socket.endpoint
    }

    private func receive() {
        while let next = socket?.receive() {
            received.append((next.key, next.peer, next.message.withBytes { [UInt8](copying: $0) }))
        }
    }
}
