import CZeroMQ
import SecamMesh
import SecamTestSupport

/// A libzmq socket with arbitrary options and parts, as a foreign program would use it.
@safe final class RawPeer {
    private let context: UnsafeMutableRawPointer
    private let socket: UnsafeMutableRawPointer

    /// - Parameters:
    ///   - keys: the key pair for CURVE; `nil` for no encryption.
    ///   - routingID: the routing id that it claims; `nil` to let the other end choose.
    init(_ endpoint: String, server: PublicKey, keys: KeyPair?, routingID: [UInt8]? = nil) throws {
        guard let context = unsafe zmq_ctx_new(), let socket = unsafe zmq_socket(context, ZMQ_DEALER) else {
            throw TestFailure("libzmq gives no socket")
        }
        unsafe (self.context, self.socket) = (context, socket)
        var options: [(Int32, [UInt8])] = [(ZMQ_LINGER, [0, 0, 0, 0]), (ZMQ_IMMEDIATE, [1, 0, 0, 0])]
        if let keys {
            options += [
                (ZMQ_CURVE_SERVERKEY, server.bytes), (ZMQ_CURVE_PUBLICKEY, keys.publicKey.bytes),
                (ZMQ_CURVE_SECRETKEY, RawConnection.secret(of: keys)),
            ]
        }
        if let routingID { options.append((ZMQ_ROUTING_ID, routingID)) }
        for (option, value) in options {
            guard unsafe zmq_setsockopt(socket, option, value, value.count) == 0 else {
                throw TestFailure("libzmq refuses option \(option)")
            }
        }
        guard unsafe zmq_connect(socket, endpoint) == 0 else { throw TestFailure("cannot connect to \(endpoint)") }
    }

    deinit {
        unsafe zmq_close(socket)
        unsafe zmq_ctx_term(context)
    }

    /// Sends a message of these parts; returns `false` while there is no connection.
    func send(_ parts: [UInt8]...) -> Bool {
        for (index, part) in parts.enumerated() {
            let more = index + 1 < parts.count ? ZMQ_SNDMORE : 0
            guard unsafe zmq_send(socket, part, part.count, more | ZMQ_DONTWAIT) >= 0 else { return false }
        }
        return true
    }
}
