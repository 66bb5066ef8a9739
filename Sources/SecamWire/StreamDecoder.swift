/// Splits a byte stream into messages.
package struct StreamDecoder: Sendable {
    /// Maximum message size, bytes, including the envelope. It may change between messages, as at login.
    package var limit: Int
    private var buffer: [UInt8] = []
    private var start = 0

    package enum Outcome: Sendable, Equatable {
        case needMore
        /// A whole message, including the envelope.
        case message(Envelope, [UInt8])
    }

    package init(limit: Int) {
        self.limit = limit
    }

    /// Bytes of incomplete messages.
    package var buffered: Int { buffer.count - start }

    package mutating func append(_ bytes: some Collection<UInt8>) {
        if start > 0, start == buffer.count || start > 1 << 16 {
            buffer.removeFirst(start)
            start = 0
        }
        buffer.append(contentsOf: bytes)
    }

    /// Returns the next message or `needMore`. After an error the stream cannot be read any further.
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
