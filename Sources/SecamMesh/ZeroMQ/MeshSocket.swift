import CZeroMQ
package import SecamWire

/// libzmq's I/O thread and everything that belongs to it. Sockets keep it alive.
@safe package final class MeshContext: @unchecked Sendable {
    let handle: UnsafeMutableRawPointer

    package init() throws(MeshError) {
        guard unsafe zmq_has("curve") == 1 else { throw .curveMissing }
        secam_prepare_heap_for_frames()
        guard let context = unsafe zmq_ctx_new() else {
            throw .library(call: "zmq_ctx_new", reason: lastZeroMQError())
        }
        unsafe handle = context
        // The default of 1023 would be reached by a gateway with as many cameras.
        unsafe zmq_ctx_set(handle, ZMQ_MAX_SOCKETS, 65536)
    }

    deinit { unsafe zmq_ctx_term(handle) }
}

/// A message that came in.
package struct Received: Sendable {
    /// The connection it came from; `nil` on a socket that has only one peer.
    package let peer: PeerID?
    /// The sender's key; `nil` on the connecting side, which checked the key in the handshake.
    package let key: PublicKey?
    /// The connection's other end, an IP address; empty on the connecting side.
    package let address: String
    package let message: MeshMessage
}

/// A ZeroMQ socket with CURVE. It belongs to the thread of one `MeshLoop`.
///
/// Nothing is dropped at a high-water mark: what may be on its way is bounded by credit, so sending never waits, and
/// receiving stops reading from the peer when this end is behind.
@safe package final class MeshSocket {
    let handle: UnsafeMutableRawPointer
    private let context: MeshContext
    /// Of a listening socket.
    private let admission: ZAPHandler?
    private(set) var connections: ConnectionGuard?
    private let identity: MeshMessage = MeshMessage()
    var listens: Bool { admission != nil }
    /// Of the loop that waits for this socket, which must hear of each use.
    var watch: SocketWatch?

    package enum SendOutcome: Sendable, Equatable {
        case sent
        /// The peer is gone, or not there yet.
        case unreachable
    }

    /// The binding side.
    ///
    /// - Parameters:
    ///   - admission: decides who may connect. It is asked for here since libzmq, without one, lets everybody in.
    ///   - endpoint: as ZeroMQ writes it; port `*` means any free one.
    ///   - messageLimit: bytes; a peer that announces more is disconnected.
    ///   - limits: what peers may cost; a connection beyond is closed.
    package static func listen(
        admission: ZAPHandler, endpoint: String, keys: KeyPair, messageLimit: Int = WireLimits.meshMessage,
        limits: ConnectionLimits = .member
    ) throws(MeshError) -> MeshSocket {
        secam_randomize_routing_ids()
        defer { secam_randomize_routing_ids() }
        let socket = try MeshSocket(
            admission.context, type: ZMQ_ROUTER, admission, messageLimit: messageLimit, limits: limits)
        try socket.set(ZMQ_ROUTER_MANDATORY, 1)
        try socket.set(ZMQ_HANDSHAKE_IVL, 3000)
        // After a restart all services connect at the same moment. libzmq's default of 100 would drop most of them, and
        // the kernel tries a dropped connection again only after 1, 3 and 7 s. The system's own limit still holds.
        try socket.set(ZMQ_BACKLOG, Int32(clamping: limits.connections))
        // Else an address of IPv4 would be told to others in its IPv6 form.
        try socket.set(ZMQ_IPV6, endpoint.contains("//[") || endpoint.contains("//*") ? 1 : 0)
        // Bytes bound what waits for a peer, not messages.
        try socket.set(ZMQ_SNDHWM, 0)
        try socket.set(ZMQ_CURVE_SERVER, 1)
        try socket.set(ZMQ_CURVE_SECRETKEY, keys.secret)
        try socket.set(ZMQ_ZAP_DOMAIN, Array(ZAPHandler.domain.utf8))
        socket.connections = try unsafe ConnectionGuard(
            socket.handle, admission.context, admission: admission, limits: limits
        ) {
            () throws(MeshError) in
            guard unsafe zmq_bind(socket.handle, endpoint) == 0 else {
                throw .cannotBind(endpoint: endpoint, reason: lastZeroMQError())
            }
            return socket.endpoint.split(separator: ":").last.flatMap { UInt16($0) } ?? 0
        }
        return socket
    }

    /// The connecting side, which trusts just the holder of `serverKey`. libzmq connects again by itself.
    package static func connect(
        _ context: MeshContext, endpoint: String, serverKey: PublicKey, keys: KeyPair,
        messageLimit: Int = WireLimits.meshMessage
    ) throws(MeshError) -> MeshSocket {
        var limits = ConnectionLimits()
        limits.undeliveredBytes = messageLimit + MeshSocket.waitingBytes
        limits.undeliveredBytesInAll = limits.undeliveredBytes
        let socket = try MeshSocket(context, type: ZMQ_DEALER, messageLimit: messageLimit, limits: limits)
        try socket.set(ZMQ_IPV6, 1)
        // A handshake that is refused for now ends without a word, and only then it is tried again.
        try socket.set(ZMQ_HANDSHAKE_IVL, 2000)
        // Nothing is kept for a peer that is not there: what it missed is said anew when it is back.
        try socket.set(ZMQ_IMMEDIATE, 1)
        try socket.set(ZMQ_RECONNECT_IVL, 100)
        // Short, since a handshake may be refused until the roster with our key has arrived at the other end.
        try socket.set(ZMQ_RECONNECT_IVL_MAX, 500)
        try socket.set(ZMQ_CURVE_SERVERKEY, serverKey.bytes)
        try socket.set(ZMQ_CURVE_PUBLICKEY, keys.publicKey.bytes)
        try socket.set(ZMQ_CURVE_SECRETKEY, keys.secret)
        socket.connections = try unsafe ConnectionGuard(socket.handle, context, admission: nil, limits: limits) {
            () throws(MeshError) in
            guard unsafe zmq_connect(socket.handle, endpoint) == 0 else {
                throw .badEndpoint(endpoint, reason: lastZeroMQError())
            }
            return 0
        }
        return socket
    }

    private init(
        _ context: MeshContext, type: Int32, _ admission: ZAPHandler? = nil, messageLimit: Int, limits: ConnectionLimits
    ) throws(MeshError) {
        guard let socket = unsafe zmq_socket(context.handle, type) else {
            throw .library(call: "zmq_socket", reason: lastZeroMQError())
        }
        unsafe handle = socket
        self.context = context
        self.admission = admission
        try set(ZMQ_LINGER, 200)
        // A link that is dead without having been closed is noticed like a member's silence.
        try set(ZMQ_HEARTBEAT_IVL, 1000)
        try set(ZMQ_HEARTBEAT_TIMEOUT, limits.silenceMilliseconds)
        let limit = Int64(messageLimit)
        let status = unsafe withUnsafePointer(to: limit) { unsafe zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, $0, 8) }
        guard status == 0 else { throw .library(call: "zmq_setsockopt", reason: lastZeroMQError()) }
    }

    deinit {
        // Else libzmq's thread would wait for a reader of its events when the guard is gone.
        unsafe zmq_socket_monitor(handle, nil, 0)
        unsafe zmq_close(handle)
    }

    /// Where a bound socket can be reached, with the port that was chosen.
    package var endpoint: String {
        var text = [CChar](repeating: 0, count: 512)
        var size = text.count
        guard unsafe zmq_getsockopt(handle, ZMQ_LAST_ENDPOINT, &text, &size) == 0 else { return "" }
        return String(decoding: text.prefix(max(0, size - 1)).map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// Sends to the only peer, or to one of many.
    @discardableResult
    package func send(_ message: MeshMessage, to peer: PeerID? = nil) -> SendOutcome {
        defer { watch?.noteUse() }
        if let peer, let admission {
            guard connections?.queue(message.count, for: peer) ?? true else { return .unreachable }
            let routing = admission.routingID(of: peer)
            guard unsafe zmq_send(handle, routing, routing.count, ZMQ_SNDMORE | ZMQ_DONTWAIT) >= 0 else {
                return .unreachable
            }
        }
        // A send takes the message away; the copy shares its bytes.
        var copy = zmq_msg_t()
        unsafe zmq_msg_init(&copy)
        unsafe zmq_msg_copy(&copy, message.handle)
        guard unsafe zmq_msg_send(&copy, handle, ZMQ_DONTWAIT) >= 0 else {
            unsafe zmq_msg_close(&copy)
            return .unreachable
        }
        return .sent
    }

    @discardableResult
    package func send(_ message: some WireMessage, to peer: PeerID? = nil) -> SendOutcome {
        send(MeshMessage(message), to: peer)
    }

    /// The next message that is there, or `nil`. What is not one whole part from a peer with a routing id of ours is
    /// passed over and counted in `refused`, and its connection is closed.
    package func receive() -> Received? {
        defer { watch?.noteUse() }
        // Bounded, so that a flood of what is passed over does not hold up the loop; it comes back for the rest.
        for _ in 0..<MeshSocket.mostRefused {
            if admission != nil {
                guard unsafe zmq_msg_recv(identity.handle, handle, ZMQ_DONTWAIT) >= 0 else { return nil }
            }
            let message = MeshMessage()
            guard unsafe zmq_msg_recv(message.handle, handle, ZMQ_DONTWAIT) >= 0 else { return nil }
            let hasMoreParts = discardRest(of: message)
            guard let admission else {
                connections?.delivered(message)
                if hasMoreParts {
                    refused += 1
                    connections?.closeAll("its message has more than one part")
                    continue
                }
                return Received(peer: nil, key: nil, address: "", message: message)
            }
            // Else the id is one that the peer claimed, and not the one that it was given in the handshake.
            guard let peer = identity.withBytes({ admission.peer(withRoutingID: $0) }), let userID = message.userID,
                let key = try? PublicKey(hexadecimal: userID, what: "User-Id")
            else {
                refused += 1
                connections?.close(sourceOf: message, "its routing id is not ours")
                continue
            }
            connections?.delivered(message, from: peer, key: key)
            guard !hasMoreParts else {
                refused += 1
                connections?.close(peer, "its message has more than one part")
                continue
            }
            return Received(peer: peer, key: key, address: message.peerAddress ?? "", message: message)
        }
        return nil
    }

    /// Closes the connections of keys that are not admitted any more.
    package func closeConnections(where isRevoked: (PublicKey) -> Bool) {
        connections?.closeConnections(where: isRevoked)
    }

    /// Called with the reason when a connection exceeded a limit and was closed.
    package func onConnectionClosed(
        _ action: @escaping (_ reason: String, _ key: PublicKey?, _ address: String) -> Void
    ) {
        connections?.onClose = action
    }

    /// Tells whose messages may be as large as the socket's limit of messages; at first no one's.
    package func setLargeSenders(_ isLargeSender: @escaping (PublicKey) -> Bool) {
        connections?.isLargeSender = isLargeSender
    }

    /// Bytes of whole messages that may wait on the connecting side while its loop is busy.
    private static let waitingBytes = 16 << 20

    /// Messages that `receive` passes over before it lets others have their turn.
    static let mostRefused = 64

    /// Messages that `receive` passed over.
    package private(set) var refused: UInt64 = 0

    private func discardRest(of message: MeshMessage) -> Bool {
        guard unsafe zmq_msg_more(message.handle) != 0 else { return false }
        let rest = MeshMessage()
        repeat {
            guard unsafe zmq_msg_recv(rest.handle, handle, ZMQ_DONTWAIT) >= 0 else { return true }
        } while unsafe zmq_msg_more(rest.handle) != 0
        return true
    }

    private func set(_ option: Int32, _ value: Int32) throws(MeshError) {
        let status = unsafe withUnsafePointer(to: value) { unsafe zmq_setsockopt(handle, option, $0, 4) }
        guard status == 0 else { throw .library(call: "zmq_setsockopt", reason: lastZeroMQError()) }
    }

    private func set(_ option: Int32, _ value: [UInt8]) throws(MeshError) {
        guard unsafe zmq_setsockopt(handle, option, value, value.count) == 0 else {
            throw .library(call: "zmq_setsockopt", reason: lastZeroMQError())
        }
    }
}
