import CZeroMQ
import SecamBase
package import SecamWire

/// A libzmq context: its I/O threads and all sockets. Each socket keeps its context alive.
@safe package final class MeshContext: @unchecked Sendable {
    let handle: UnsafeMutableRawPointer

    package init() throws(MeshError) {
        guard unsafe zmq_has("curve") == 1 else { throw .curveMissing }
        secam_prepare_heap_for_frames()
        guard let context = unsafe zmq_ctx_new() else {
            throw .library(call: "zmq_ctx_new", reason: lastZeroMQError())
        }
        unsafe handle = context
        // Decrypting a large message takes a thread tens of milliseconds, and delays all connections of that thread.
        unsafe zmq_ctx_set(handle, ZMQ_IO_THREADS, MeshContext.threadCount)
        // A gateway with many cameras would reach the default of 1023.
        unsafe zmq_ctx_set(handle, ZMQ_MAX_SOCKETS, 65536)
    }

    deinit { unsafe zmq_ctx_term(handle) }

    /// libzmq puts each new connection on the thread with the fewest.
    private static let threadCount: Int32 = 4
}

/// A received message.
package struct Received: Sendable {
    /// The sender's connection; `nil` on a socket with only one peer.
    package let peer: PeerID?
    /// The sender's key; `nil` on the connecting side, which checked the key in the handshake.
    package let key: PublicKey?
    /// The IP address of the sender; empty on the connecting side.
    package let address: String
    package let message: MeshMessage
}

/// A ZeroMQ socket with CURVE encryption, used on the thread of one `MeshLoop`.
///
/// No message is dropped at a high-water mark. Credit bounds the messages under way, so sending never waits; receiving
/// stops reading from the peer when this end falls behind.
@safe package final class MeshSocket {
    let handle: UnsafeMutableRawPointer
    private let context: MeshContext
    /// `nil` for a connecting socket.
    private let admission: ZAPHandler?
    private(set) var connectionGuard: ConnectionGuard?
    private let routingIDPart: MeshMessage = MeshMessage()
    var listens: Bool { admission != nil }
    /// The poller's record of this socket, which is marked at each use of the socket.
    var watch: SocketWatch?

    package enum SendOutcome: Sendable, Equatable {
        case sent
        /// The peer has disconnected or has not connected yet.
        case unreachable
    }

    /// Returns a socket that listens at an endpoint.
    ///
    /// - Parameters:
    ///   - admission: decides who may connect. It is required because libzmq without a ZAP handler admits every peer.
    ///   - endpoint: in ZeroMQ's notation; port `*` chooses a free one.
    ///   - messageLimit: maximum size of a message, bytes; a peer that announces more is disconnected.
    ///   - limits: resource limits for peers; a connection that exceeds one is closed.
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
        // After a restart all services connect at once. libzmq's default backlog of 100 would drop most connections,
        // and the kernel retries a dropped one only after 1, 3 and 7 s. The system's limit still applies.
        try socket.set(ZMQ_BACKLOG, Int32(clamping: limits.connections))
        // Otherwise other services would get an IPv4 address in its IPv6 form.
        try socket.set(ZMQ_IPV6, endpoint.contains("//[") || endpoint.contains("//*") ? 1 : 0)
        // The connection guard bounds the bytes that wait for a peer.
        try socket.set(ZMQ_SNDHWM, 0)
        try socket.set(ZMQ_CURVE_SERVER, 1)
        try socket.set(ZMQ_CURVE_SECRETKEY, keys.secret)
        try socket.set(ZMQ_ZAP_DOMAIN, Array(ZAPHandler.domain.utf8))
        socket.connectionGuard = try unsafe ConnectionGuard(
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

    /// Returns a socket that connects to the holder of `serverKey` only. libzmq reconnects by itself.
    package static func connect(
        _ context: MeshContext, endpoint: String, serverKey: PublicKey, keys: KeyPair,
        messageLimit: Int = WireLimits.meshMessage
    ) throws(MeshError) -> MeshSocket {
        var limits = ConnectionLimits()
        limits.undeliveredBytes = messageLimit + MeshSocket.waitingBytes
        limits.totalUndeliveredBytes = limits.undeliveredBytes
        let socket = try MeshSocket(context, type: ZMQ_DEALER, messageLimit: messageLimit, limits: limits)
        try socket.set(ZMQ_IPV6, 1)
        // The other end drops a temporarily refused handshake silently; this timeout makes libzmq try again.
        try socket.set(ZMQ_HANDSHAKE_IVL, 2000)
        // Queues no messages for an absent peer: it gets the current state when it is back.
        try socket.set(ZMQ_IMMEDIATE, 1)
        try socket.set(ZMQ_RECONNECT_IVL, 100)
        // Short, because the other end may refuse the handshake until it has the roster with our key.
        try socket.set(ZMQ_RECONNECT_IVL_MAX, 500)
        try socket.set(ZMQ_CURVE_SERVERKEY, serverKey.bytes)
        try socket.set(ZMQ_CURVE_PUBLICKEY, keys.publicKey.bytes)
        try socket.set(ZMQ_CURVE_SECRETKEY, keys.secret)
        socket.connectionGuard = try unsafe ConnectionGuard(socket.handle, context, admission: nil, limits: limits) {
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
        // With a limit, libzmq stops reading from a peer whose messages wait. If the peer then leaves, the next heartbeat
        // ends the process (libzmq issue 4364). The guard bounds the bytes that wait.
        try set(ZMQ_RCVHWM, 0)
        // Heartbeats detect a link that died without being closed, as fast as a member's silence is detected.
        try set(ZMQ_HEARTBEAT_IVL, 1000)
        try set(ZMQ_HEARTBEAT_TIMEOUT, Int32(clamping: limits.heartbeatTimeout.milliseconds))
        // libzmq compares the encrypted size with this limit.
        let limit = Int64(messageLimit + MeshSocket.curveOverhead)
        let status = unsafe withUnsafePointer(to: limit) { unsafe zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, $0, 8) }
        guard status == 0 else { throw .library(call: "zmq_setsockopt", reason: lastZeroMQError()) }
    }

    /// What CURVE adds to a message (RFC 26): the command's name, a nonce, a tag and a byte of flags.
    private static let curveOverhead = 8 + 8 + 16 + 1

    deinit {
        // Otherwise libzmq's thread would wait for a reader of its events after the guard is gone.
        unsafe zmq_socket_monitor(handle, nil, 0)
        unsafe zmq_close(handle)
    }

    /// The endpoint of a listening socket, with the port that was chosen.
    package var endpoint: String {
        var text = [CChar](repeating: 0, count: 512)
        var size = text.count
        guard unsafe zmq_getsockopt(handle, ZMQ_LAST_ENDPOINT, &text, &size) == 0 else { return "" }
        return String(decoding: text.prefix(max(0, size - 1)).map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// Sends a message to the only peer, or to one of several.
    @discardableResult
    package func send(_ message: MeshMessage, to peer: PeerID? = nil) -> SendOutcome {
        defer { watch?.markUsed() }
        if let peer, let admission {
            guard connectionGuard?.countQueued(message.count, for: peer) ?? true else { return .unreachable }
            let routing = admission.routingID(of: peer)
            guard unsafe zmq_send(handle, routing, routing.count, ZMQ_SNDMORE | ZMQ_DONTWAIT) >= 0 else {
                return .unreachable
            }
        }
        // Sending consumes the message; the copy shares its bytes.
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

    /// Returns the next waiting message, or `nil`.
    ///
    /// Messages that are not one whole part from a peer with a routing id of ours are skipped and counted in
    /// `rejectedCount`, and their connections are closed.
    package func receive() -> Received? {
        defer { watch?.markUsed() }
        // Bounded, so a flood of invalid messages does not hold up the loop. The loop comes back for the rest.
        for _ in 0..<MeshSocket.rejectionLimit {
            if admission != nil {
                guard unsafe zmq_msg_recv(routingIDPart.handle, handle, ZMQ_DONTWAIT) >= 0 else { return nil }
            }
            let message = MeshMessage()
            guard unsafe zmq_msg_recv(message.handle, handle, ZMQ_DONTWAIT) >= 0 else { return nil }
            let hasMoreParts = discardRest(of: message)
            guard let admission else {
                connectionGuard?.recordDelivery(of: message)
                if hasMoreParts {
                    rejectedCount += 1
                    connectionGuard?.closeAll("its message has more than one part")
                    continue
                }
                return Received(peer: nil, key: nil, address: "", message: message)
            }
            // An unknown id is one that the peer claimed instead of the one that it was given in the handshake.
            guard let peer = routingIDPart.withBytes({ admission.peer(withRoutingID: $0) }),
                let userID = message.userID,
                let key = try? PublicKey(hexadecimal: userID, what: "User-Id")
            else {
                rejectedCount += 1
                connectionGuard?.close(sourceOf: message, "unknown routing id")
                continue
            }
            connectionGuard?.recordDelivery(of: message, from: peer, key: key)
            guard !hasMoreParts else {
                rejectedCount += 1
                connectionGuard?.close(peer, "its message has more than one part")
                continue
            }
            return Received(peer: peer, key: key, address: message.peerAddress ?? "", message: message)
        }
        return nil
    }

    /// Closes the connections of keys that are no longer admitted.
    package func closeConnections(where isRevoked: (PublicKey) -> Bool) {
        connectionGuard?.closeConnections(where: isRevoked)
    }

    /// Sets the action that is called with the reason when a connection exceeds a limit and is closed.
    package func onConnectionClosed(
        _ action: @escaping (_ reason: String, _ key: PublicKey?, _ address: String) -> Void
    ) {
        connectionGuard?.onClose = action
    }

    /// Sets which senders may send large messages, and of how many bytes; by default no sender may.
    package func setLargestMessage(_ largestMessage: @escaping (PublicKey) -> Int?) {
        connectionGuard?.largestMessage = largestMessage
    }

    /// Whole messages that may wait on the connecting side while its loop is busy, bytes.
    private static let waitingBytes = 16 << 20

    /// Invalid messages that `receive` skips before it returns to the loop.
    static let rejectionLimit = 64

    /// Invalid messages that `receive` has skipped.
    package private(set) var rejectedCount: UInt64 = 0

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
