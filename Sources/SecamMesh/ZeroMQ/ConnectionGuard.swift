import CZeroMQ
import Glibc
import SecamBase

/// Bounds what the peers of a socket cost: connections, bytes that arrived and make no message yet, and bytes that wait
/// for a peer that does not read. It closes the connections that exceed a limit. On the connecting side only the bytes
/// that arrive are bounded.
///
/// libzmq itself counts whole messages only: parts of a message that never ends, large frames before the handshake and
/// large messages to a slow reader take memory without a bound. Three sources tell what happens to a connection:
/// libzmq's monitor its descriptor, the kernel the bytes that it has carried, and each message where it came from.
///
/// It belongs to its loop's thread. The descriptors belong to libzmq, which may close them at any time: the inode tells
/// whether a descriptor still is the same socket.
@safe final class ConnectionGuard {
    private final class Connection {
        let descriptor: Int32
        let inode: UInt64
        let address: String
        let accepted: MonotonicTime
        /// The number of the first peer that can have come over this connection: earlier ones came over earlier sockets
        /// with this descriptor.
        let firstPeer: UInt64
        /// Set with the first message.
        var peer: PeerID?
        var key: PublicKey?
        var isAuthenticated = false
        var closing: MonotonicTime?
        /// Bytes on the wire of the messages that were delivered.
        var delivered: Int64 = 0
        /// Bytes on the wire that make no messages, as heartbeats do.
        var overhead: Int64 = 0
        /// The part of `overhead` that was assumed since the last message.
        var assumed: Int64 = 0
        var assumedUntil: MonotonicTime
        /// Bytes on the wire of what was to be sent, and those of them that the peer's kernel has.
        var queued: Int64 = 0
        var acknowledged: Int64 = 0
        var undelivered: Int64 = 0

        init(_ descriptor: Int32, _ inode: UInt64, _ address: String, firstPeer: UInt64, now: MonotonicTime) {
            self.descriptor = descriptor
            self.inode = inode
            self.address = address
            self.firstPeer = firstPeer
            accepted = now
            assumedUntil = now
        }

        var unacknowledged: Int64 { queued - acknowledged }
        var isSilent: Bool { peer == nil }
    }

    /// Why a connection was closed, for the log.
    var onClose: ((_ reason: String, _ key: PublicKey?, _ address: String) -> Void)?
    /// Whether a key's holder sends large messages, as a worker does.
    var isLargeSender: (PublicKey) -> Bool = { _ in false }

    let monitor: UnsafeMutableRawPointer
    /// Ends after the monitor was closed, for which it would wait for ever.
    private let context: MeshContext
    /// Of a listening socket.
    private let admission: ZAPHandler?
    private let limits: ConnectionLimits
    private let connectionLimit: Int
    private let port: UInt16
    private var connections: [Int32: Connection] = [:]
    private var peers: [PeerID: Connection] = [:]
    private var connectionsOfKey: [PublicKey: Int] = [:]
    private var silentOfAddress: [String: Int] = [:]
    private var acceptsOfAddress: [String: Int] = [:]
    private var acceptsSince = MonotonicTime.now
    private var timer: LoopTimer?
    private var nextCheck: MonotonicTime?
    private var activity = ProcessActivity()
    /// At least the bytes that wait for all peers.
    private var unacknowledgedInAll: Int64 = 0

    /// Microseconds between two checks: in general, and while something is under suspicion.
    private static let checkInterval: Int64 = 50_000
    private static let closeCheckInterval: Int64 = 10_000
    /// Bytes that the listening side sends before the peer is authenticated: greeting and WELCOME, and one for SYN.
    private static let handshakeReply: UInt64 = 64 + 170 + 1
    /// Bytes a second of ZMTP's heartbeats, both kinds, rounded up, and how many are assumed while no message arrives:
    /// a connection that is silent for hours is closed once, and made anew.
    private static let heartbeatBytesPerSecond: Int64 = 128
    private static let assumedBytes: Int64 = 512 << 10

    /// Called before the socket is bound or connected, so that no connection is missed.
    ///
    /// - Parameters:
    ///   - admission: of a listening socket; `nil` for one that connects.
    ///   - open: binds or connects the socket; returns the port at which it listens, or 0.
    init(
        _ socket: UnsafeMutableRawPointer, _ context: MeshContext, admission: ZAPHandler?, limits: ConnectionLimits,
        open: () throws(MeshError) -> UInt16
    ) throws(MeshError) {
        let endpoint = "inproc://secam-monitor-\(UInt(bitPattern: socket))"
        let events = (admission == nil ? ZMQ_EVENT_CONNECTED : ZMQ_EVENT_ACCEPTED) | ZMQ_EVENT_DISCONNECTED
        guard unsafe zmq_socket_monitor(socket, endpoint, events) == 0 else {
            throw .library(call: "zmq_socket_monitor", reason: lastZeroMQError())
        }
        guard let pair = unsafe zmq_socket(context.handle, ZMQ_PAIR) else {
            throw .library(call: "zmq_socket", reason: lastZeroMQError())
        }
        var none: Int32 = 0
        unsafe zmq_setsockopt(pair, ZMQ_LINGER, &none, 4)
        // libzmq's thread would wait for us at a limit.
        unsafe zmq_setsockopt(pair, ZMQ_RCVHWM, &none, 4)
        guard unsafe zmq_connect(pair, endpoint) == 0 else {
            let reason = lastZeroMQError()
            unsafe zmq_close(pair)
            throw .library(call: "zmq_connect", reason: reason)
        }
        do {
            port = try open()
        } catch {
            unsafe zmq_close(pair)
            throw error
        }
        unsafe monitor = pair
        self.context = context
        self.admission = admission
        self.limits = limits
        var descriptors = rlimit()
        unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &descriptors)
        connectionLimit = min(limits.connections, max(16, Int(clamping: descriptors.rlim_cur) / 2))
        admission?.beforeAnswer = { [weak self] in self?.readMonitor() }
    }

    deinit { unsafe zmq_close(monitor) }

    /// - Parameter timer: calls `check`.
    func start(_ timer: LoopTimer) {
        self.timer = timer
        if !connections.isEmpty { scheduleCheck(afterMicroseconds: ConnectionGuard.closeCheckInterval) }
    }

    func stop() {
        timer?.cancel()
        timer = nil
    }

    // MARK: What the socket tells

    /// Counts a message that was taken from the socket.
    func delivered(_ message: MeshMessage, from peer: PeerID, key: PublicKey) {
        let connection: Connection
        if let known = peers[peer] {
            connection = known
        } else {
            guard let new = attach(peer, key, descriptor: message.sourceDescriptor) else { return }
            connection = new
        }
        connection.delivered += Int64(ConnectionGuard.wireBytes(message.count))
        connection.assumed = 0
    }

    /// Counts a message that was taken from a connecting socket, which has one connection at a time.
    func delivered(_ message: MeshMessage) {
        guard let connection = connections.values.first else { return }
        connection.delivered += Int64(ConnectionGuard.wireBytes(message.count))
        connection.assumed = 0
    }

    /// Closes the connections of a connecting socket, which connects anew.
    func closeAll(_ reason: String) {
        for connection in Array(connections.values) { close(connection, reason, now: .now) }
    }

    /// Whether a message may be queued for a peer; closes the connection of one that does not read what it was sent.
    func queue(_ byteCount: Int, for peer: PeerID) -> Bool {
        guard let connection = peers[peer] else { return true }
        guard connection.closing == nil else { return false }
        if connection.unacknowledged > limits.unacknowledgedBytes {
            guard readCounters(connection, now: .now) else { return false }
            guard connection.unacknowledged <= limits.unacknowledgedBytes else {
                close(connection, "the peer does not read what it is sent", now: .now)
                return false
            }
        }
        let bytes = Int64(ConnectionGuard.wireBytes(byteCount))
        connection.queued += bytes
        unacknowledgedInAll += bytes
        if unacknowledgedInAll > limits.unacknowledgedBytesInAll { checkAll(now: .now) }
        return connection.closing == nil
    }

    func close(sourceOf message: MeshMessage, _ reason: String) {
        if let connection = connections[message.sourceDescriptor] { close(connection, reason, now: .now) }
    }

    func close(_ peer: PeerID, _ reason: String) {
        if let connection = peers[peer] { close(connection, reason, now: .now) }
    }

    /// Closes the connections of keys that are not admitted any more.
    func closeConnections(where isRevoked: (PublicKey) -> Bool) {
        for connection in peers.values where connection.key.map(isRevoked) ?? false {
            close(connection, "its key was revoked", now: .now)
        }
    }

    // MARK: What libzmq's monitor tells

    /// Reads the events that wait: a descriptor may be closed and used again between two of them, so all are read before
    /// anything is decided.
    func readMonitor() {
        let part = MeshMessage()
        while unsafe zmq_msg_recv(part.handle, monitor, ZMQ_DONTWAIT) >= 0 {
            let (event, descriptor) = part.withBytes { bytes -> (Int32, Int32) in
                guard bytes.count == 6 else { return (0, -1) }
                let value = (2..<6).reversed().reduce(UInt32(0)) { $0 << 8 | UInt32(bytes[$1]) }
                return (Int32(bytes[0]) | Int32(bytes[1]) << 8, Int32(bitPattern: value))
            }
            while unsafe zmq_msg_more(part.handle) != 0, unsafe zmq_msg_recv(part.handle, monitor, ZMQ_DONTWAIT) >= 0 {}
            if let old = connections[descriptor] { forget(old) }
            if event & (ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_CONNECTED) != 0 { accept(descriptor, now: .now) }
        }
    }

    private func accept(_ descriptor: Int32, now: MonotonicTime) {
        let inode = secam_socket_inode(descriptor)
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        // It may be gone already.
        guard inode != 0, unsafe secam_read_peer_network(descriptor, port, &text) == 0 else { return }
        let address = String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        let connection = Connection(
            descriptor, inode, address, firstPeer: admission?.nextPeerNumber ?? 0, now: now)
        connections[descriptor] = connection
        // The key that the other end must have was checked, or nothing arrives.
        connection.isAuthenticated = admission == nil
        silentOfAddress[address, default: 0] += 1
        if now.since(acceptsSince) > 1_000_000 { (acceptsOfAddress, acceptsSince) = ([:], now) }
        acceptsOfAddress[address, default: 0] += 1
        if acceptsOfAddress[address]! > limits.acceptsPerSecondPerAddress {
            close(connection, "too many connections a second from its address", now: now)
        } else if silentOfAddress[address]! > limits.silentConnectionsPerAddress {
            closeOldestSilent("too many connections from its address say nothing", now: now) { $0.address == address }
        }
        if connections.count > connectionLimit {
            closeOldestSilent("there are \(connectionLimit) connections", now: now) { _ in true }
        }
        scheduleCheck(afterMicroseconds: ConnectionGuard.closeCheckInterval)
    }

    private func closeOldestSilent(_ reason: String, now: MonotonicTime, where isMeant: (Connection) -> Bool) {
        let silent = connections.values.filter { $0.isSilent && $0.closing == nil && isMeant($0) }
        if let oldest = silent.min(by: { $0.accepted < $1.accepted }) { close(oldest, reason, now: now) }
    }

    /// The first message of a peer tells which connection is its own.
    private func attach(_ peer: PeerID, _ key: PublicKey, descriptor: Int32) -> Connection? {
        guard let connection = connections[descriptor], connection.firstPeer <= peer.number,
            connection.peer.map({ $0.number < peer.number }) ?? true
        else { return nil }
        if let earlier = connection.peer {
            peers[earlier] = nil
        } else {
            stopCountingSilent(connection)
        }
        if let earlier = connection.key { stopCounting(earlier) }
        (connection.peer, connection.key, connection.isAuthenticated) = (peer, key, true)
        peers[peer] = connection
        connectionsOfKey[key, default: 0] += 1
        if connectionsOfKey[key]! > limits.connectionsPerKey {
            close(connection, "too many connections of its key", now: .now)
        }
        return connection
    }

    private func forget(_ connection: Connection) {
        connections[connection.descriptor] = nil
        if let peer = connection.peer { peers[peer] = nil }
        if let key = connection.key {
            stopCounting(key)
        } else if connection.closing == nil {
            stopCountingSilent(connection)
        }
    }

    private func stopCounting(_ key: PublicKey) {
        connectionsOfKey[key]! -= 1
        if connectionsOfKey[key] == 0 { connectionsOfKey[key] = nil }
    }

    private func stopCountingSilent(_ connection: Connection) {
        guard connection.closing == nil else { return }
        silentOfAddress[connection.address]! -= 1
        if silentOfAddress[connection.address] == 0 { silentOfAddress[connection.address] = nil }
    }

    // MARK: Checks

    /// Called by the timer.
    func check() {
        let now = MonotonicTime.now
        nextCheck = nil
        readMonitor()
        guard !connections.isEmpty else { return }
        let isHandshaking = connections.values.contains {
            !$0.isAuthenticated
        }
        var isSuspicious = isHandshaking
        if activity.isCheckDue(now: now) || isHandshaking {
            isSuspicious = checkAll(now: now) || isHandshaking
        }
        scheduleCheck(
            afterMicroseconds: isSuspicious ? ConnectionGuard.closeCheckInterval : ConnectionGuard.checkInterval)
    }

    /// Never puts a check off, as each new connection would.
    private func scheduleCheck(afterMicroseconds delay: Int64) {
        let time = MonotonicTime.now.advanced(byMicroseconds: delay)
        guard let timer, nextCheck.map({ time < $0 }) ?? true else { return }
        nextCheck = time
        timer.schedule(afterMicroseconds: delay)
    }

    /// - Returns: whether a connection has more undelivered bytes than small messages make.
    @discardableResult
    func checkAll(now: MonotonicTime) -> Bool {
        for connection in Array(connections.values) {
            if readCounters(connection, now: now) { judge(connection, now: now) }
        }
        closeLargest(limits.undeliveredBytesInAll, "too many bytes without a whole message", now: now) {
            $0.undelivered
        }
        unacknowledgedInAll = closeLargest(
            limits.unacknowledgedBytesInAll, "peers do not read what they are sent", now: now
        ) { $0.unacknowledged }
        return connections.values.contains { $0.undelivered > limits.handshakeBytes }
    }

    /// - Returns: whether the connection is still there; else it is forgotten.
    private func readCounters(_ connection: Connection, now: MonotonicTime) -> Bool {
        var counters = secam_tcp_counters()
        guard secam_socket_inode(connection.descriptor) == connection.inode,
            unsafe secam_read_tcp_counters(connection.descriptor, &counters) == 0
        else {
            forget(connection)
            return false
        }
        if counters.acknowledged > ConnectionGuard.handshakeReply { connection.isAuthenticated = true }
        // Heartbeats are acknowledged too, but never more than was sent.
        connection.acknowledged = Int64(clamping: counters.acknowledged)
        connection.queued = max(connection.queued, connection.acknowledged)
        connection.undelivered = Int64(clamping: counters.received) - connection.delivered - connection.overhead
        if connection.undelivered < 0 {
            connection.overhead += connection.undelivered
            connection.undelivered = 0
        }
        guard connection.isAuthenticated else { return true }
        let seconds = now.since(connection.assumedUntil) / 1_000_000
        connection.assumedUntil = connection.assumedUntil.advanced(byMicroseconds: seconds * 1_000_000)
        let heartbeats = min(
            connection.undelivered, seconds * ConnectionGuard.heartbeatBytesPerSecond,
            ConnectionGuard.assumedBytes - connection.assumed)
        connection.assumed += heartbeats
        connection.overhead += heartbeats
        connection.undelivered -= heartbeats
        return true
    }

    private func judge(_ connection: Connection, now: MonotonicTime) {
        if let closing = connection.closing {
            // libzmq notices at once, unless it does not look at the connection.
            if now.since(closing) > 1_000_000 { end(connection, now: now) }
            return
        }
        if !connection.isAuthenticated {
            if connection.undelivered > limits.handshakeBytes {
                close(connection, "too many bytes before the handshake", now: now)
            } else if now.since(connection.accepted) > limits.handshakeMicroseconds {
                close(connection, "no handshake", now: now)
            }
            return
        }
        let isLarge = connection.key.map(isLargeSender) ?? false
        let limit = isLarge ? limits.undeliveredBytesOfLargeSender : limits.undeliveredBytes
        if connection.undelivered > limit { close(connection, "too many bytes without a whole message", now: now) }
    }

    /// Closes those with the most bytes until the rest is within the limit.
    ///
    /// - Returns: the bytes of the rest.
    @discardableResult
    private func closeLargest(
        _ limit: Int, _ reason: String, now: MonotonicTime, _ bytes: (Connection) -> Int64
    ) -> Int64 {
        let open = connections.values.filter { $0.closing == nil }
        var sum = open.reduce(0) { $0 + bytes($1) }
        guard sum > limit else { return sum }
        for connection in open.sorted(by: { bytes($0) > bytes($1) }) {
            guard sum > limit else { break }
            sum -= bytes(connection)
            close(connection, reason, now: now)
        }
        return sum
    }

    private func close(_ connection: Connection, _ reason: String, now: MonotonicTime) {
        guard connection.closing == nil else { return }
        if connection.isSilent { stopCountingSilent(connection) }
        end(connection, now: now)
        onClose?(reason, connection.key, connection.address)
    }

    private func end(_ connection: Connection, now: MonotonicTime) {
        connection.closing = now
        _ = secam_end_connection(connection.descriptor, connection.inode)
    }

    /// Bytes of a message on the wire: CURVE's MESSAGE around it, and ZMTP's header before that.
    private static func wireBytes(_ byteCount: Int) -> Int {
        let command = byteCount + 33
        return command + (command > 255 ? 9 : 2)
    }
}
