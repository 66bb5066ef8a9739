import NIOCore
import SecamWire

/// A decoder of a gateway's stream that skips the pictures, so that hundreds of viewers in one process cost little more
/// than the decryption.
struct MessageSkimmer {
    enum Message {
        /// A complete frame. `payload` is empty unless payloads are kept.
        case frame(Frame, payload: [UInt8], byteCount: Int)
        case other(Envelope, [UInt8])
    }

    private enum Stage {
        case envelope
        case headerLength(Envelope)
        case header(Envelope)
        case payload(Frame, messageLength: Int, rest: Int)
        case whole(Envelope)
    }

    /// Bytes of a frame's header.
    private static let headerLimit = 1024
    /// Bytes of a message other than FRAME.
    private static let messageLimit = 1 << 20

    private let keepsPayloads: Bool
    private var stage = Stage.envelope
    private var kept: [UInt8] = []
    /// Bytes of `kept` that complete the stage.
    private var wanted = Envelope.size

    init(keepsPayloads: Bool) { self.keepsPayloads = keepsPayloads }

    /// Consumes bytes up to the end of the next message; `nil` when the message is incomplete.
    mutating func next(_ buffer: inout ByteBuffer) throws(WireError) -> Message? {
        while true {
            if case .payload(let frame, let length, let rest) = stage {
                let count = min(rest, buffer.readableBytes)
                if keepsPayloads { kept += buffer.readableBytesView.prefix(count) }
                buffer.moveReaderIndex(forwardBy: count)
                guard count == rest else {
                    stage = .payload(frame, messageLength: length, rest: rest - count)
                    return nil
                }
                defer { startNextMessage() }
                return .frame(frame, payload: kept, byteCount: length)
            }
            let count = min(wanted - kept.count, buffer.readableBytes)
            kept += buffer.readableBytesView.prefix(count)
            buffer.moveReaderIndex(forwardBy: count)
            guard kept.count == wanted else { return nil }
            if let message = try advance() { return message }
        }
    }

    private mutating func startNextMessage() {
        stage = .envelope
        kept = []
        wanted = Envelope.size
    }

    private mutating func advance() throws(WireError) -> Message? {
        switch stage {
        case .envelope:
            guard case .envelope(let envelope) = try Envelope.read(kept.span, limit: WireLimits.meshMessage) else {
                return nil
            }
            if envelope.type == .frame {
                stage = .headerLength(envelope)
                wanted += 2
            } else {
                guard envelope.messageLength <= MessageSkimmer.messageLimit else {
                    throw .oversized(length: envelope.messageLength, limit: MessageSkimmer.messageLimit)
                }
                stage = .whole(envelope)
                wanted = envelope.messageLength
            }
            return nil
        case .headerLength(let envelope):
            let length = Int(kept[Envelope.size]) | Int(kept[Envelope.size + 1]) << 8
            guard length >= 2, length <= min(envelope.bodyLength, MessageSkimmer.headerLimit) else {
                throw .badValue(field: "headerLength")
            }
            stage = .header(envelope)
            wanted = Envelope.size + length
            return nil
        case .header(let envelope):
            let (frame, payload) = try Frame.decode(kept.span, envelope)
            stage = .payload(frame, messageLength: envelope.messageLength, rest: payload.count)
            kept = []
            return nil
        case .whole(let envelope):
            defer { startNextMessage() }
            return .other(envelope, kept)
        case .payload:
            return nil
        }
    }
}
