/// Cuts a byte stream into messages, however the bytes arrive.
public struct StreamDecoder: Sendable {
    /// The longest message accepted, in bytes with the envelope. It may change between messages, as at login.
    public var limit: Int
    private var buffer: [UInt8] = []
    private var start = 0

    public enum Outcome: Sendable, Equatable {
        case needMore
        /// A whole message, envelope included.
        case message(Envelope, [UInt8])
    }

    public init(limit: Int) {
        self.limit = limit
    }

    /// Bytes that wait for the rest of their message.
    public var buffered: Int { buffer.count - start }

    public mutating func append(_ bytes: some Collection<UInt8>) {
        if start > 0, start == buffer.count || start > 1 << 16 {
            buffer.removeFirst(start)
            start = 0
        }
        buffer.append(contentsOf: bytes)
    }

    /// The next message, `needMore`, or an error after which the stream cannot be read any further.
    public mutating func next() throws(WireError) -> Outcome {
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
