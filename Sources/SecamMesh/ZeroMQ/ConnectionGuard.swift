import CZeroMQ
import DequeModule
import Glibc
import SecamBase

/// Bounds the resources that the peers of a socket use: connections, bytes that have arrived without completing a
/// message, and bytes that wait for a slow reader. It closes connections that exceed a limit. On the connecting side it
/// bounds only the arriving bytes.
///
/// libzmq counts whole messages only: the parts of an endless message, large frames before the handshake and large
/// messages to a slow reader take unbounded memory. The guard combines three sources: libzmq's monitor reports a
/// connection's descriptor, the kernel counts the bytes that it has carried, and each message names its connection.
///
/// It belongs to its loop's thread. libzmq owns the descriptors and may close them at any time; the inode tells whether
/// a descriptor still refers to the same socket.
@safe final class ConnectionGuard {
    private final class Connection {
        let descriptor: Int32
        let inode: UInt64
        let address: String
        let accepted: MonotonicTime
        /// The first peer number that this connection can have. Lower numbers belong to earlier sockets with the same
        /// descriptor.
        let firstPeer: UInt64
        /// Set by the first message.
        var peer: PeerID?
        var key: PublicKey?
        var isAuthenticated = false
        /// Whether it is among the connections that have not sent a message.
        var isCountedAsSilent = true
        var closing: MonotonicTime?
        /// Bytes of the delivered messages on the wire.
        var delivered: Int64 = 0
        /// Bytes on the wire outside messages, such as heartbeats.
        var overhead: Int64 = 0
        /// The part of `overhead` assumed since the last message.
        var assumed: Int64 = 0
        var assumedUntil: MonotonicTime
        /// Bytes of the sent messages on the wire, and those that the peer's kernel has acknowledged.
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
    }

    /// Connections that have not sent a message, in the order of their acceptance.
    private struct SilentConnections {
        /// Some have been removed already.
        private var queue: Deque<Connection> = []
        private(set) var count = 0

        /// The oldest connection. Needs no search, because an attacker's connections can be many.
        var oldest: Connection? {
            mutating get {
                while let first = queue.first, !first.isCountedAsSilent { queue.removeFirst() }
                return queue.first
            }
        }

        mutating func append(_ connection: Connection) {
            queue.append(connection)
            count += 1
        }

        /// Removes a connection that is no longer counted.
        mutating func removeOne() {
            count -= 1
            if queue.count > 2 * count + 16 { queue.removeAll { !$0.isCountedAsSilent } }
        }
    }

    /// Called with the reason when a connection is closed.
    var onClose: ((_ reason: String, _ key: PublicKey?, _ address: String) -> Void)?
    /// Returns the largest message that a key's holder sends, bytes; `nil` for no large messages.
    var largestMessage: (PublicKey) -> Int? = { _ in nil }

    let monitor: UnsafeMutableRawPointer
    /// Kept alive until the monitor is closed, because ending the context waits for it.
    private let context: MeshContext
    /// `nil` for a connecting socket.
    private let admission: ZAPHandler?
    private let limits: ConnectionLimits
    private let connectionLimit: Int
    private let port: UInt16
    private var connections: [Int32: Connection] = [:]
    private var peers: [PeerID: Connection] = [:]
    private var connectionsOfKey: [PublicKey: Int] = [:]
    private var silent = SilentConnections()
    private var silentOfAddress: [String: SilentConnections] = [:]
    private var acceptsOfAddress: [String: Int] = [:]
    private var acceptsSince = MonotonicTime.now
    private var timer: LoopTimer?
    private var nextCheck: MonotonicTime?
    /// The connections that the present round of checks has yet to check.
    private var unchecked: [Connection] = []
    private var activity = ProcessActivity()
    /// An upper bound of the bytes that wait for all peers.
    private var totalUnacknowledged: Int64 = 0

    /// Interval of checks without and with suspicious connections.
    private static let checkInterval = Duration.milliseconds(50)
    private static let closeCheckInterval = Duration.milliseconds(10)
    /// Connections checked at once, in less than a millisecond. With more of them, a round takes several checks, so that
    /// many connections do not delay messages.
    private static let checkBatch = 256
    /// Time for libzmq to notice a connection that was ended.
    private static let endTimeout = Duration.seconds(1)
    /// Bytes that the listening side sends before the peer is authenticated: greeting, WELCOME, and one for SYN.
    private static let handshakeReply: UInt64 = 64 + 170 + 1
    /// Upper bound of ZMTP's heartbeats in both directions, bytes per second, and the most that is assumed without a
    /// message. A connection that stays silent for hours is closed once and reconnects.
    private static let heartbeatBytesPerSecond: Int64 = 128
    private static let assumedBytes: Int64 = 512 << 10

    /// Creates the guard before the socket is bound or connected, so that it misses no connection.
    ///
    /// - Parameters:
    ///   - admission: the ZAP handler of a listening socket; `nil` for a connecting one.
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
        // At a limit, libzmq's thread would wait for this one.
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
        if !connections.isEmpty { scheduleCheck(after: ConnectionGuard.closeCheckInterval) }
    }

    func stop() {
        timer?.cancel()
        timer = nil
    }

    // MARK: Messages of the socket

    /// Counts a message received from a listening socket.
    func recordDelivery(of message: MeshMessage, from peer: PeerID, key: PublicKey) {
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

    /// Counts a message received from a connecting socket, which has one connection at a time.
    func recordDelivery(of message: MeshMessage) {
        guard let connection = connections.values.first else { return }
        connection.delivered += Int64(ConnectionGuard.wireBytes(message.count))
        connection.assumed = 0
    }

    /// Closes all connections of a connecting socket, which reconnects.
    func closeAll(_ reason: String) {
        for connection in Array(connections.values) { close(connection, reason, now: .now) }
    }

    /// Counts the bytes of a message to queue for a peer. Closes the connection of a peer that does not read.
    ///
    /// - Returns: whether the message may be queued.
    func countQueued(_ byteCount: Int, for peer: PeerID) -> Bool {
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
        totalUnacknowledged += bytes
        if totalUnacknowledged > limits.totalUnacknowledgedBytes { checkAll(now: .now) }
        return connection.closing == nil
    }

    func close(sourceOf message: MeshMessage, _ reason: String) {
        if let connection = connections[message.sourceDescriptor] { close(connection, reason, now: .now) }
    }

    func close(_ peer: PeerID, _ reason: String) {
        if let connection = peers[peer] { close(connection, reason, now: .now) }
    }

    /// Closes the connections of keys that are no longer admitted.
    func closeConnections(where isRevoked: (PublicKey) -> Bool) {
        for connection in peers.values where connection.key.map(isRevoked) ?? false {
            close(connection, "its key was revoked", now: .now)
        }
    }

    // MARK: Events of libzmq's monitor

    /// Reads all waiting events before any decision, because a descriptor may be closed and reused between two of them.
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
        // The connection may have ended already.
        guard inode != 0, unsafe secam_read_peer_network(descriptor, port, &text) == 0 else { return }
        let address = String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        let connection = Connection(
            descriptor, inode, address, firstPeer: admission?.nextPeerNumber ?? 0, now: now)
        connections[descriptor] = connection
        // The connecting side checks the other end's key in the handshake, before any message arrives.
        connection.isAuthenticated = admission == nil
        silent.append(connection)
        silentOfAddress[address, default: SilentConnections()].append(connection)
        if now - acceptsSince > .seconds(1) { (acceptsOfAddress, acceptsSince) = ([:], now) }
        acceptsOfAddress[address, default: 0] += 1
        if acceptsOfAddress[address]! > limits.acceptsPerSecondPerAddress {
            close(connection, "too many connections a second from its address", now: now)
        } else if silentOfAddress[address]!.count > limits.silentConnectionsPerAddress,
            let oldest = silentOfAddress[address]!.oldest
        {
            close(oldest, "too many silent connections from its address", now: now)
        }
        if connections.count > connectionLimit, let oldest = silent.oldest {
            close(oldest, "limit of \(connectionLimit) connections reached", now: now)
        }
        scheduleCheck(after: ConnectionGuard.closeCheckInterval)
    }

    /// Returns the connection of a peer, which its first message reveals.
    private func attach(_ peer: PeerID, _ key: PublicKey, descriptor: Int32) -> Connection? {
        guard let connection = connections[descriptor], connection.firstPeer <= peer.number,
            connection.peer.map({ $0.number < peer.number }) ?? true
        else { return nil }
        if let earlier = connection.peer { peers[earlier] = nil }
        stopCountingSilent(connection)
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
        if let key = connection.key { stopCounting(key) }
        stopCountingSilent(connection)
    }

    private func stopCounting(_ key: PublicKey) {
        connectionsOfKey[key]! -= 1
        if connectionsOfKey[key] == 0 { connectionsOfKey[key] = nil }
    }

    private func stopCountingSilent(_ connection: Connection) {
        guard connection.isCountedAsSilent else { return }
        connection.isCountedAsSilent = false
        silent.removeOne()
        silentOfAddress[connection.address]!.removeOne()
        if silentOfAddress[connection.address]!.count == 0 { silentOfAddress[connection.address] = nil }
    }

    // MARK: Checks

    /// Checks a batch of connections when a check is due. The timer calls it.
    func check() {
        let now = MonotonicTime.now
        nextCheck = nil
        readMonitor()
        guard !connections.isEmpty else { return unchecked = [] }
        let isHandshaking = connections.values.contains { !$0.isAuthenticated }
        var isSuspicious = isHandshaking
        if !unchecked.isEmpty || activity.isCheckDue(now: now) || isHandshaking {
            if unchecked.isEmpty { unchecked = Array(connections.values) }
            check(unchecked.suffix(ConnectionGuard.checkBatch), now: now)
            unchecked.removeLast(min(ConnectionGuard.checkBatch, unchecked.count))
            isSuspicious = !unchecked.isEmpty || closeLargest(now: now) || isHandshaking
        }
        scheduleCheck(after: isSuspicious ? ConnectionGuard.closeCheckInterval : ConnectionGuard.checkInterval)
    }

    /// Schedules a check, or keeps an earlier one: new connections must not postpone it.
    private func scheduleCheck(after delay: Duration) {
        let time = MonotonicTime.now + delay
        guard let timer, nextCheck.map({ time < $0 }) ?? true else { return }
        nextCheck = time
        timer.schedule(after: delay)
    }

    func checkAll(now: MonotonicTime) {
        check(Array(connections.values)[...], now: now)
        _ = closeLargest(now: now)
    }

    private func check(_ batch: ArraySlice<Connection>, now: MonotonicTime) {
        for connection in batch where connections[connection.descriptor] === connection {
            if readCounters(connection, now: now) { judge(connection, now: now) }
        }
    }

    /// Closes the largest connections while all together exceed a limit.
    ///
    /// - Returns: whether a connection has more undelivered bytes than small messages explain.
    private func closeLargest(now: MonotonicTime) -> Bool {
        closeLargest(limits.totalUndeliveredBytes, "too many bytes without a whole message", now: now) {
            $0.undelivered
        }
        totalUnacknowledged = closeLargest(
            limits.totalUnacknowledgedBytes, "peers do not read what they are sent", now: now
        ) { $0.unacknowledged }
        return connections.values.contains { $0.undelivered > limits.handshakeBytes }
    }

    /// - Returns: false when the connection has ended and was forgotten.
    private func readCounters(_ connection: Connection, now: MonotonicTime) -> Bool {
        var counters = secam_tcp_counters()
        guard secam_socket_inode(connection.descriptor) == connection.inode,
            unsafe secam_read_tcp_counters(connection.descriptor, &counters) == 0
        else {
            forget(connection)
            return false
        }
        if counters.acknowledged > ConnectionGuard.handshakeReply { connection.isAuthenticated = true }
        // Acknowledgements include heartbeats, but never exceed what was sent.
        connection.acknowledged = Int64(clamping: counters.acknowledged)
        connection.queued = max(connection.queued, connection.acknowledged)
        connection.undelivered = Int64(clamping: counters.received) - connection.delivered - connection.overhead
        if connection.undelivered < 0 {
            connection.overhead += connection.undelivered
            connection.undelivered = 0
        }
        guard connection.isAuthenticated else { return true }
        let seconds = (now - connection.assumedUntil).components.seconds
        connection.assumedUntil = connection.assumedUntil + .seconds(seconds)
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
            // libzmq notices at once, unless it is not reading from the connection.
            if now - closing > ConnectionGuard.endTimeout { end(connection, now: now) }
            return
        }
        if !connection.isAuthenticated {
            if connection.undelivered > limits.handshakeBytes {
                close(connection, "too many bytes before the handshake", now: now)
            } else if now - connection.accepted > limits.handshakeTimeout {
                close(connection, "no handshake", now: now)
            }
            return
        }
        let limit = limits.undeliveredBytes + (connection.key.flatMap(largestMessage) ?? 0)
        if connection.undelivered > limit { close(connection, "too many bytes without a whole message", now: now) }
    }

    /// Closes the connections with the most bytes until the others are within the limit.
    ///
    /// - Returns: the bytes of the remaining connections.
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
        stopCountingSilent(connection)
        end(connection, now: now)
        onClose?(reason, connection.key, connection.address)
    }

    private func end(_ connection: Connection, now: MonotonicTime) {
        connection.closing = now
        _ = secam_end_connection(connection.descriptor, connection.inode)
    }

    /// Returns the size of a message on the wire, with CURVE's MESSAGE command and ZMTP's header.
    private static func wireBytes(_ byteCount: Int) -> Int {
        let command = byteCount + 33
        return command + (command > 255 ? 9 : 2)
    }
}
