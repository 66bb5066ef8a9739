import CZeroMQ
package import SecamWire

/// One ZeroMQ part, which is one whole message. Its bytes belong to libzmq and are shared, not copied, when it is
/// sent more than once.
///
/// Whoever makes a message fills it before showing it to anybody; from then on nothing changes it, which is why it
/// may cross threads.
@safe package final class MeshMessage: @unchecked Sendable {
    let handle: UnsafeMutablePointer<zmq_msg_t>

    /// A message that the socket is about to receive into.
    init() {
        unsafe handle = .allocate(capacity: 1)
        unsafe zmq_msg_init(handle)
    }

    /// A message that begins with `header`, behind which `fill` writes the payload in place.
    ///
    /// - Parameter count: bytes of the payload.
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

    /// A message of these bytes, copied, with those of the payload, copied too, since ZeroMQ needs them in one piece.
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

    /// The bytes, for as long as the closure runs.
    package func withBytes<Result, Failure: Error>(
        _ body: (Span<UInt8>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let bytes = unsafe UnsafeRawBufferPointer(start: zmq_msg_data(handle), count: count)
        return try body(unsafe Span<UInt8>(_unsafeBytes: bytes))
    }

    /// The bytes for a C library, for as long as the closure runs.
    package func withUnsafeBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try unsafe body(UnsafeRawBufferPointer(start: zmq_msg_data(handle), count: count))
    }

    /// Where the message came from, an IP address.
    var peerAddress: String? {
        unsafe zmq_msg_gets(handle, "Peer-Address").map { unsafe String(cString: $0) }
    }

    /// The descriptor of the connection that the message came over; -1 when it came over none.
    var sourceDescriptor: Int32 { unsafe zmq_msg_get(handle, ZMQ_SRCFD) }

    /// What the ZAP handler said of the sender: its public key in hexadecimal.
    var userID: String? {
        unsafe zmq_msg_gets(handle, "User-Id").map { unsafe String(cString: $0) }
    }
}
