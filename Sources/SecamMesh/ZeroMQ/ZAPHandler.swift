import CZeroMQ
import SecamBase

/// Admits peers to the listening sockets of a context by their CURVE keys (RFC 27/ZAP).
///
/// Create it before the first socket listens. libzmq asks it in each handshake and attaches its answer, the key, to
/// every message of that connection.
///
/// The answer also assigns the connection's routing id, which replaces any id that the peer claims. Otherwise libzmq
/// would let the peer choose, and would abort the process when it assigns an id that a peer has already chosen.
@safe package final class ZAPHandler {
    static let domain = "secam"

    let handle: UnsafeMutableRawPointer
    let context: MeshContext
    private let isAdmitted: (PublicKey) -> Bool
    /// Called when requests have arrived, before the first is answered.
    var beforeAnswer: (() -> Void)?
    private var routingIDs = RoutingIDs()
    private var timer: LoopTimer?
    /// Complete answers to admitted peers, oldest first.
    private var waiting: [(due: MonotonicTime, parts: [[UInt8]])] = []

    /// Time until a peer is admitted. If libzmq finds the answer before it has read the peer's metadata, the id that
    /// the peer claims there replaces ours, and the connection must be closed.
    private static let answerDelay = Duration.milliseconds(2)
    /// Called for each refused handshake with the key that the peer showed.
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

    /// - Parameter timer: calls `sendDueAnswers`.
    func start(_ timer: LoopTimer) { self.timer = timer }

    func stop() {
        timer?.cancel()
        timer = nil
    }

    /// The number that the next admitted connection gets.
    var nextPeerNumber: UInt64 { routingIDs.nextNumber }

    /// Answers handshakes that are refused; queues the answers to the others.
    func answerRequests() {
        while let request = receiveRequest() {
            beforeAnswer?()
            // The parts: sender, delimiter, version, request number, domain, address, identity, mechanism, key.
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
                waiting.append((MonotonicTime.now + ZAPHandler.answerDelay, head + parts))
                if waiting.count == 1 { timer?.schedule(after: ZAPHandler.answerDelay) }
            } else {
                onRefusal(key, address)
                // Not 400, after which the peer would never try again: a new member often connects just before the
                // roster with its key arrives.
                send(head + [Array("300".utf8), Array("key not admitted".utf8), [], []])
            }
        }
    }

    /// Sends the queued answers that are due.
    func sendDueAnswers() {
        let now = MonotonicTime.now
        let count = waiting.prefix { $0.due <= now }.count
        for answer in waiting.prefix(count) { send(answer.parts) }
        waiting.removeFirst(count)
        if let next = waiting.first { timer?.schedule(after: max(.zero, next.due - now)) }
    }

    private func send(_ parts: [[UInt8]]) {
        for (index, part) in parts.enumerated() {
            let more = index + 1 < parts.count ? ZMQ_SNDMORE : 0
            _ = unsafe zmq_send(handle, part, part.count, more | ZMQ_DONTWAIT)
        }
    }

    /// Returns the peer with this routing id; `nil` for an id that was not assigned here.
    func peer(withRoutingID bytes: Span<UInt8>) -> PeerID? { routingIDs.peer(bytes) }

    func routingID(of peer: PeerID) -> [UInt8] { routingIDs.bytes(peer) }

    /// Returns a ZMTP property: the name after its length, the value after its length (RFC 23).
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
