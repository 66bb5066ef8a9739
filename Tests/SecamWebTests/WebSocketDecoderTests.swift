import NIOCore
import Testing

@testable import SecamWeb

struct WebSocketDecoderTests {
    private static let mask: [UInt8] = [1, 2, 3, 4]

    /// Returns a masked frame whose first byte is `first`.
    private static func frame(_ first: UInt8, _ payload: [UInt8]) -> [UInt8] {
        let length: [UInt8] =
            payload.count < 126
            ? [0x80 | UInt8(payload.count)] : [0xfe, UInt8(payload.count >> 8), UInt8(payload.count & 0xff)]
        return [first] + length + mask + payload.enumerated().map { $0.element ^ mask[$0.offset & 3] }
    }

    /// Returns all events of these bytes, which arrive in pieces of a size.
    private static func events(
        _ bytes: [UInt8], by size: Int? = nil, limit: Int = 1000
    ) throws(WebSocketDecoder.Failure) -> [WebSocketDecoder.Event] {
        var decoder = WebSocketDecoder(limit: limit)
        var events: [WebSocketDecoder.Event] = []
        for start in stride(from: 0, to: bytes.count, by: size ?? max(1, bytes.count)) {
            decoder.append(ByteBuffer(bytes: bytes[start..<min(bytes.count, start + (size ?? bytes.count))]))
            while let event = try decoder.next() { events.append(event) }
        }
        return events
    }

    @Test(arguments: [1, 2, 3, 7, 1000])
    func `messages are the same in pieces of every size`(_ size: Int) throws {
        let long = (0..<300).map { UInt8(truncatingIfNeeded: $0) }
        let bytes =
            Self.frame(0x82, [5, 6]) + Self.frame(0x82, long) + Self.frame(0x02, [1]) + Self.frame(0x89, [9])
            + Self.frame(0x00, [2]) + Self.frame(0x80, [3]) + Self.frame(0x8a, []) + Self.frame(0x82, [])
            + Self.frame(0x88, [3, 232])
        #expect(
            try Self.events(bytes, by: size) == [
                .message(ByteBuffer(bytes: [5, 6])), .message(ByteBuffer(bytes: long)), .ping(ByteBuffer(bytes: [9])),
                .message(ByteBuffer(bytes: [1, 2, 3])), .pong, .message(ByteBuffer()), .close,
            ])
    }

    @Test func `each breach is detected at the frame's header`() {
        typealias Failure = WebSocketDecoder.Failure
        let cases: [([UInt8], Failure)] = [
            ([0x82, 0x01], .unmasked),
            ([0x92, 0x80], .reservedBits),
            ([0x83, 0x80], .unknownOpcode(3)),
            ([0x8b, 0x80], .unknownOpcode(11)),
            ([0x81, 0x80], .textMessage),
            ([0x01, 0x80], .textMessage),
            ([0x80, 0x80], .unexpectedContinuation),
            ([0x09, 0x80], .fragmentedControlFrame),
            ([0x89, 0xfe], .oversizedControlFrame),
            (Self.frame(0x88, [1]), .malformedClose),
            (Self.frame(0x02, [1]) + [0x82, 0x80], .missingContinuation),
            ([0x82, 0xfe, 0x03, 0xe9], .oversized(limit: 1000)),
            ([0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0], .oversized(limit: 1000)),
            (Self.frame(0x02, [UInt8](repeating: 0, count: 999)) + [0x80, 0x82], .oversized(limit: 1000)),
        ]
        for (bytes, failure) in cases {
            #expect(throws: failure) { try Self.events(bytes) }
            #expect(throws: failure) { try Self.events(bytes, by: 1) }
        }
    }

    @Test func `a message of exactly the limit is accepted, in one frame and in fragments`() throws {
        let bytes = [UInt8](repeating: 7, count: 1000)
        #expect(try Self.events(Self.frame(0x82, bytes)) == [.message(ByteBuffer(bytes: bytes))])
        let parts = Self.frame(0x02, Array(bytes.prefix(999))) + Self.frame(0x80, [7])
        #expect(try Self.events(parts) == [.message(ByteBuffer(bytes: bytes))])
    }
}

struct WebSocketHandlerTests {
    @Test(arguments: [
        (0, [0x82, 0]), (125, [0x82, 125]), (126, [0x82, 126, 0, 126]), (65_535, [0x82, 126, 255, 255]),
        (65_536, [0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
    ])
    func `a frame's length has the shortest form`(_ count: Int, _ header: [UInt8]) {
        #expect(Array(WebSocketHandler.header(WebSocketDecoder.Opcode.binary, count).readableBytesView) == header)
    }
}
