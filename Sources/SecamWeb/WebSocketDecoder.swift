package import NIOCore

/// A decoder of the frames that a WebSocket client sends (RFC 6455). Only binary messages are accepted.
///
/// A state machine without I/O. Received bytes are unmasked in place, and a message in one frame is not copied.
package struct WebSocketDecoder: Sendable {
    package enum Event: Equatable, Sendable {
        /// A whole message, also when it came in fragments.
        case message(ByteBuffer)
        case ping(ByteBuffer)
        case pong
        /// The client closes the connection. Nothing may follow.
        case close
    }

    /// A breach of the protocol, after which the stream cannot be decoded.
    package enum Failure: Error, Equatable, Sendable {
        case unmasked
        case reservedBits
        case unknownOpcode(UInt8)
        case textMessage
        case oversized(limit: Int)
        case fragmentedControlFrame
        case oversizedControlFrame
        case malformedClose
        case unexpectedContinuation
        case missingContinuation
    }

    private struct Header {
        let isFinal: Bool
        let opcode: UInt8
        let payload: Int
        let mask: (UInt8, UInt8, UInt8, UInt8)
        let length: Int
    }

    /// Maximum length of a message, bytes.
    private let limit: Int
    private var inbound = ByteBuffer()
    /// The fragments so far of a message; `nil` between messages.
    private var fragments: ByteBuffer?

    package init(limit: Int) { self.limit = limit }

    package mutating func append(_ bytes: ByteBuffer) {
        if inbound.readableBytes == 0 { inbound = bytes } else { inbound.writeImmutableBuffer(bytes) }
    }

    /// - Returns: `nil` when the next frame is not complete yet.
    /// - Throws: as soon as a frame's header is invalid, so that no client can make the decoder reserve memory.
    package mutating func next() throws(Failure) -> Event? {
        while let header = try readHeader(), inbound.readableBytes >= header.length + header.payload {
            inbound.moveReaderIndex(forwardBy: header.length)
            var payload = inbound.readSlice(length: header.payload) ?? ByteBuffer()
            if inbound.readableBytes == 0 { inbound = ByteBuffer() }
            Self.unmask(&payload, header.mask)
            if let event = try event(header, payload) { return event }
        }
        return nil
    }

    private func readHeader() throws(Failure) -> Header? {
        let start = inbound.readerIndex
        guard let first: UInt8 = inbound.getInteger(at: start), let second: UInt8 = inbound.getInteger(at: start + 1)
        else { return nil }
        guard first & 0x70 == 0 else { throw .reservedBits }
        guard second & 0x80 != 0 else { throw .unmasked }
        let isFinal = first & 0x80 != 0
        let opcode = first & 0x0f
        let shortLength = Int(second & 0x7f)
        try check(opcode, isFinal: isFinal, shortLength)
        var length = 2
        var payload = UInt64(shortLength)
        if shortLength == 126 {
            guard let long: UInt16 = inbound.getInteger(at: start + 2) else { return nil }
            payload = UInt64(long)
            length = 4
        } else if shortLength == 127 {
            guard let long: UInt64 = inbound.getInteger(at: start + 2) else { return nil }
            payload = long
            length = 10
        }
        guard payload <= UInt64(limit - (fragments?.readableBytes ?? 0)) || opcode & 0x8 != 0 else {
            throw .oversized(limit: limit)
        }
        guard let mask = inbound.getBytes(at: start + length, length: 4) else { return nil }
        return Header(
            isFinal: isFinal, opcode: opcode, payload: Int(payload), mask: (mask[0], mask[1], mask[2], mask[3]),
            length: length + 4)
    }

    private func check(_ opcode: UInt8, isFinal: Bool, _ shortLength: Int) throws(Failure) {
        switch opcode {
        case Opcode.continuation: guard fragments != nil else { throw .unexpectedContinuation }
        case Opcode.text: throw .textMessage
        case Opcode.binary: guard fragments == nil else { throw .missingContinuation }
        case Opcode.close, Opcode.ping, Opcode.pong:
            guard isFinal else { throw .fragmentedControlFrame }
            guard shortLength <= 125 else { throw .oversizedControlFrame }
        default: throw .unknownOpcode(opcode)
        }
    }

    private mutating func event(_ header: Header, _ payload: ByteBuffer) throws(Failure) -> Event? {
        switch header.opcode {
        case Opcode.ping: return .ping(payload)
        case Opcode.pong: return .pong
        case Opcode.close:
            guard payload.readableBytes != 1 else { throw .malformedClose }
            return .close
        default:
            var message = payload
            if var fragments {
                fragments.writeImmutableBuffer(payload)
                message = fragments
            }
            fragments = header.isFinal ? nil : message
            return header.isFinal ? .message(message) : nil
        }
    }

    private static func unmask(_ payload: inout ByteBuffer, _ mask: (UInt8, UInt8, UInt8, UInt8)) {
        let key = [mask.0, mask.1, mask.2, mask.3]
        unsafe payload.withUnsafeMutableReadableBytes { bytes in
            for index in 0..<bytes.count { unsafe bytes[index] ^= key[index & 3] }
        }
    }

    enum Opcode {
        static let continuation: UInt8 = 0x0
        static let text: UInt8 = 0x1
        static let binary: UInt8 = 0x2
        static let close: UInt8 = 0x8
        static let ping: UInt8 = 0x9
        static let pong: UInt8 = 0xa
    }
}

extension WebSocketDecoder.Failure: CustomStringConvertible {
    package var description: String {
        switch self {
        case .unmasked: "WebSocket frame without a mask"
        case .reservedBits: "WebSocket frame with reserved bits"
        case .unknownOpcode(let opcode): "WebSocket frame with opcode \(opcode)"
        case .textMessage: "WebSocket message of text; messages are binary"
        case .oversized(let limit): "WebSocket message of more than \(limit) bytes"
        case .fragmentedControlFrame: "WebSocket control frame in fragments"
        case .oversizedControlFrame: "WebSocket control frame of more than 125 bytes"
        case .malformedClose: "WebSocket close frame of one byte"
        case .unexpectedContinuation: "WebSocket continuation of no message"
        case .missingContinuation: "WebSocket message within another one"
        }
    }

    /// The status code for the client (RFC 6455 §7.4.1).
    var closeCode: UInt16 {
        switch self {
        case .textMessage: 1003
        case .oversized: 1009
        default: 1002
        }
    }
}
