import CZeroMQ
import SecamBase

/// Decides who may connect to the sockets of a context (RFC 27/ZAP): peers whose CURVE key is on the list.
///
/// It must exist before the first socket listens; libzmq asks it in each handshake, and stamps its answer, the key,
/// on every message of that connection.
///
/// The answer also carries the connection's routing id, which replaces any that the peer claims. libzmq would otherwise
/// let the peer choose, and ends the process when a peer has chosen an id that libzmq gives out itself later.
@safe package final class ZAPHandler {
    static let domain = "secam"

    let handle: UnsafeMutableRawPointer
    let context: MeshContext
    private let isAdmitted: (PublicKey) -> Bool
    /// Called when requests have come, before any is answered.
    var beforeAnswer: (() -> Void)?
    private var routingIDs = RoutingIDs()
    private var timer: LoopTimer?
    /// Answers to admitted peers, whole, oldest first.
    private var waiting: [(due: MonotonicTime, parts: [[UInt8]])] = []

    /// Microseconds until a peer is admitted. When libzmq finds our answer before it has read the peer's metadata, the id
    /// that the peer claims there replaces ours, and the connection must be closed.
    private static let answerDelay: Int64 = 2000
    /// Handshakes that were turned away, by key that was shown.
    private let onRefusal: (PublicKey?, _ address: String) -> Void

    package init(
        _ context: MeshContext, isAdmitted: @escaping (PublicKey) -> Bool,
        onRefusal: @escaping (PublicKey?, _ address: String) -> Void
    ) throws(MeshError) {
        guard let socket = unsafe zmq_socket(context.handle, ZMQ_ROUTER) else {
            throw .library(call: "zmq_socket", reason: lastZeroMQError())
        }
        unsafe handle = socket
        self.context = context
        self.isAdmitted = isAdmitted
        self.onRefusal = onRefusal
        var linger: Int32 = 0
        unsafe zmq_setsockopt(handle, ZMQ_LINGER, &linger, 4)
        guard unsafe zmq_bind(handle, "inproc://zeromq.zap.01") == 0 else {
            throw .cannotBind(endpoint: "inproc://zeromq.zap.01", reason: lastZeroMQError())
        }
    }

    deinit { unsafe zmq_close(handle) }

    /// - Parameter timer: calls `answerDue`.
    func start(_ timer: LoopTimer) { self.timer = timer }

    func stop() {
        timer?.cancel()
        timer = nil
    }

    /// The number of the next connection that is admitted.
    var nextPeerNumber: UInt64 { routingIDs.nextNumber }

    /// Answers the handshakes that are refused, and prepares the other answers.
    func answerRequests() {
        while let request = receiveRequest() {
            beforeAnswer?()
            // Sender, delimiter, version, request number, domain, address, identity, mechanism, key.
            guard request.count >= 4 else { continue }
            let address = request.count > 5 ? String(decoding: request[5], as: UTF8.self) : "?"
            let key =
                request.count == 9 && request[7].elementsEqual("CURVE".utf8) ? PublicKey(bytes: request[8]) : nil
            let head = [request[0], [], Array("1.0".utf8), request[3]]
            if let key, isAdmitted(key) {
                let parts = [
                    Array("200".utf8), Array("OK".utf8), Array(key.description.utf8),
                    ZAPHandler.metadata("Identity", routingIDs.next()),
                ]
                waiting.append((MonotonicTime.now.advanced(byMicroseconds: ZAPHandler.answerDelay), head + parts))
                if waiting.count == 1 { timer?.schedule(afterMicroseconds: ZAPHandler.answerDelay) }
            } else {
                onRefusal(key, address)
                // Not 400, after which the peer would never try again: a new member often connects a moment before the
                // roster with its key is here.
                send(head + [Array("300".utf8), Array("key not admitted".utf8), [], []])
            }
        }
    }

    /// Sends the answers whose time has come.
    func answerDue() {
        let now = MonotonicTime.now
        let count = waiting.prefix { $0.due <= now }.count
        for answer in waiting.prefix(count) { send(answer.parts) }
        waiting.removeFirst(count)
        if let next = waiting.first { timer?.schedule(afterMicroseconds: max(0, next.due.since(now))) }
    }

    private func send(_ parts: [[UInt8]]) {
        for (index, part) in parts.enumerated() {
            let more = index + 1 < parts.count ? ZMQ_SNDMORE : 0
            _ = unsafe zmq_send(handle, part, part.count, more | ZMQ_DONTWAIT)
        }
    }

    /// The peer that has this routing id; `nil` when the id is not one of ours.
    func peer(withRoutingID bytes: Span<UInt8>) -> PeerID? { routingIDs.peer(bytes) }

    func routingID(of peer: PeerID) -> [UInt8] { routingIDs.bytes(peer) }

    /// A property of ZMTP: the name behind its length, the value behind its length (RFC 23).
    private static func metadata(_ name: String, _ value: [UInt8]) -> [UInt8] {
        let count = UInt32(value.count)
        let length = (0..<4).map { UInt8(truncatingIfNeeded: count >> (24 - 8 * $0)) }
        return [UInt8(name.utf8.count)] + Array(name.utf8) + length + value
    }

    private func receiveRequest() -> [[UInt8]]? {
        var parts: [[UInt8]] = []
        let part = MeshMessage()
        repeat {
            guard unsafe zmq_msg_recv(part.handle, handle, ZMQ_DONTWAIT) >= 0 else { return nil }
            parts.append(part.withBytes { bytes in bytes.indices.map { bytes[$0] } })
        } while unsafe zmq_msg_more(part.handle) != 0
        return parts
    }
}
