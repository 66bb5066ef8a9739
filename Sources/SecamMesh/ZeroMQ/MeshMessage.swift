import CZeroMQ
package import SecamWire

/// A ZeroMQ message of one part. libzmq owns its bytes and shares them, without copying, among all sends.
///
/// Its creator fills a message before passing it on. Nothing changes it afterwards, so it may cross threads.
@safe package final class MeshMessage: @unchecked Sendable {
    let handle: UnsafeMutablePointer<zmq_msg_t>

    /// Creates an empty message for a socket to receive into.
    init() {
        unsafe handle = .allocate(capacity: 1)
        unsafe zmq_msg_init(handle)
    }

    /// Creates a message of `header` and a payload that `fill` writes in place.
    ///
    /// - Parameter count: size of the payload, bytes.
    package init<Failure: Error>(
        _ header: [UInt8], count: Int, fill: (inout MutableSpan<UInt8>) throws(Failure) -> Void
    ) throws(Failure) {
        unsafe handle = .allocate(capacity: 1)
        guard unsafe zmq_msg_init_size(handle, header.count + count) == 0 else { fatalError("out of memory") }
        let bytes = unsafe UnsafeMutableRawBufferPointer(start: zmq_msg_data(handle), count: header.count + count)
        unsafe bytes.copyBytes(from: header)
        var payload = unsafe MutableSpan<UInt8>(
            _unsafeBytes: UnsafeMutableRawBufferPointer(rebasing: bytes[header.count...]))
        try fill(&payload)
    }

    /// Creates a message of copies of `header` and `payload`, since ZeroMQ needs them in one piece.
    package init(_ header: [UInt8], payload: ArraySlice<UInt8> = []) {
        unsafe handle = .allocate(capacity: 1)
        let count = header.count + payload.count
        guard unsafe zmq_msg_init_size(handle, count) == 0 else { fatalError("out of memory") }
        let bytes = unsafe UnsafeMutableRawBufferPointer(start: zmq_msg_data(handle), count: count)
        unsafe bytes.copyBytes(from: header)
        unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[header.count...]).copyBytes(from: payload)
    }

    package convenience init(_ message: some WireMessage) {
        self.init(message.encoded())
    }

    deinit {
        unsafe zmq_msg_close(handle)
        unsafe handle.deallocate()
    }

    package var count: Int { unsafe zmq_msg_size(handle) }

    /// Calls `body` with the bytes, which are valid only during the call.
    package func withBytes<Result, Failure: Error>(
        _ body: (Span<UInt8>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let bytes = unsafe UnsafeRawBufferPointer(start: zmq_msg_data(handle), count: count)
        return try body(unsafe Span<UInt8>(_unsafeBytes: bytes))
    }

    /// Calls `body` with the bytes for a C library, which are valid only during the call.
    package func withUnsafeBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try unsafe body(UnsafeRawBufferPointer(start: zmq_msg_data(handle), count: count))
    }

    /// The sender's IP address.
    var peerAddress: String? {
        unsafe zmq_msg_gets(handle, "Peer-Address").map { unsafe String(cString: $0) }
    }

    /// The descriptor of the connection that the message arrived on; -1 if there is none.
    var sourceDescriptor: Int32 { unsafe zmq_msg_get(handle, ZMQ_SRCFD) }

    /// The sender's public key in hexadecimal, as the ZAP handler answered.
    var userID: String? {
        unsafe zmq_msg_gets(handle, "User-Id").map { unsafe String(cString: $0) }
    }
}
