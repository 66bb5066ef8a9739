internal import CZeroMQ

/// Decides who may connect to the sockets of a context (RFC 27/ZAP): peers whose CURVE key is on the list.
///
/// It must exist before the first socket listens; libzmq asks it in each handshake, and stamps its answer, the key,
/// on every message of that connection.
@safe public final class ZAPHandler {
    static let domain = "secam"

    let handle: UnsafeMutableRawPointer
    let context: MeshContext
    private let isAdmitted: (PublicKey) -> Bool
    /// Handshakes that were turned away, by key that was shown.
    private let onRefusal: (PublicKey?, _ address: String) -> Void

    public init(
        _ context: MeshContext, isAdmitted: @escaping (PublicKey) -> Bool,
        onRefusal: @escaping (PublicKey?, _ address: String) -> Void
    ) throws(MeshError) {
        guard let socket = unsafe zmq_socket(context.handle, ZMQ_REP) else {
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

    /// Answers the handshakes that wait.
    func answerRequests() {
        while let request = receiveRequest() {
            // Version, request number, domain, address, identity, mechanism, key.
            let address = request.count > 3 ? String(decoding: request[3], as: UTF8.self) : "?"
            let key =
                request.count == 7 && request[5].elementsEqual("CURVE".utf8) ? PublicKey(bytes: request[6]) : nil
            let admitted = key.map(isAdmitted) ?? false
            if !admitted { onRefusal(key, address) }
            let answer: [[UInt8]] = [
                Array("1.0".utf8),
                request.count > 1 ? request[1] : [],
                // Not 400, after which the peer would never try again: a new member often connects a moment before the
                // roster with its key is here.
                Array((admitted ? "200" : "300").utf8),
                Array((admitted ? "OK" : "key not admitted").utf8),
                admitted ? Array(key!.description.utf8) : [],
                [],
            ]
            for (index, part) in answer.enumerated() {
                let more = index + 1 < answer.count ? ZMQ_SNDMORE : 0
                _ = unsafe zmq_send(handle, part, part.count, more | ZMQ_DONTWAIT)
            }
        }
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
