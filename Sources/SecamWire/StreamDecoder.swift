/// Cuts a byte stream into messages, however the bytes arrive.
package struct StreamDecoder: Sendable {
    /// The longest message accepted, in bytes with the envelope. It may change between messages, as at login.
    package var limit: Int
    private var buffer: [UInt8] = []
    private var start = 0

    package enum Outcome: Sendable, Equatable {
        case needMore
        /// A whole message, envelope included.
        case message(Envelope, [UInt8])
    }

    package init(limit: Int) {
        self.limit = limit
    }

    /// Bytes that wait for the rest of their message.
    package var buffered: Int { buffer.count - start }

    package mutating func append(_ bytes: some Collection<UInt8>) {
        if start > 0, start == buffer.count || start > 1 << 16 {
            buffer.removeFirst(start)
            start = 0
        }
        buffer.append(contentsOf: bytes)
    }

    /// The next message, `needMore`, or an error after which the stream cannot be read any further.
    package mutating func next() throws(WireError) -> Outcome {
        guard case .envelope(let envelope) = try Envelope.read(buffer.span, at: start, limit: limit) else {
            return .needMore
        }
        guard buffered >= envelope.messageLength else {
            buffer.reserveCapacity(start + envelope.messageLength)
            return .needMore
        }
        let message = Array(buffer[start..<start + envelope.messageLength])
        start += envelope.messageLength
        return .message(envelope, message)
    }
}
