import SecamTestSupport
import SecamWire
import Testing

@Suite struct StreamDecoderTests {
    /// All messages of the specification, back to back.
    private let messages = OkVector.all.map(\.bytes)

    private func drain(_ decoder: inout StreamDecoder, into received: inout [[UInt8]]) throws(WireError) {
        while case .message(let envelope, let bytes) = try decoder.next() {
            #expect(envelope.messageLength == bytes.count)
            received.append(bytes)
        }
    }

    @Test func `messages that arrive byte by byte are split correctly`() throws {
        var decoder = StreamDecoder(limit: WireLimits.meshMessage)
        var received: [[UInt8]] = []
        for byte in messages.joined() {
            decoder.append([byte])
            try drain(&decoder, into: &received)
        }
        #expect(received == messages)
        #expect(decoder.buffered == 0)
    }

    @Test(arguments: [UInt64(1), 2, 3, 4])
    func `messages that arrive in pieces of any size are split correctly`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var decoder = StreamDecoder(limit: WireLimits.meshMessage)
        var received: [[UInt8]] = []
        // Enough to pass the point at which the buffer moves its rest to the front.
        let expected = Array(repeatElement(messages, count: 4).joined())
        var stream = Array(expected.joined())[...]
        while !stream.isEmpty {
            let piece = stream.prefix(Int.random(in: 1...40_000, using: &random))
            stream = stream.dropFirst(piece.count)
            decoder.append(piece)
            if Bool.random(using: &random) { try drain(&decoder, into: &received) }
        }
        try drain(&decoder, into: &received)
        #expect(received == expected)
        #expect(decoder.buffered == 0)
    }

    @Test func `incomplete, complete and malformed messages are three results`() throws {
        var decoder = StreamDecoder(limit: WireLimits.beforeLogin)
        #expect(try decoder.next() == .needMore)
        let ping = Ping(token: 7).encoded()
        decoder.append(ping.dropLast())
        #expect(try decoder.next() == .needMore)
        decoder.append(ping.suffix(1))
        guard case .message(let envelope, let bytes) = try decoder.next() else {
            Issue.record("the message is whole")
            return
        }
        #expect(envelope.type == .ping)
        #expect(bytes == ping)
        #expect(try decoder.next() == .needMore)
        decoder.append([3, 0, 0, 0])
        #expect(throws: WireError.undersized(length: 3)) { try decoder.next() }
    }

    @Test func `a broken stream stays broken`() {
        var decoder = StreamDecoder(limit: WireLimits.beforeLogin)
        decoder.append([4, 0, 0, 0, 0xff, 0xff, 1, 0])
        #expect(throws: WireError.unknownType(0xffff)) { try decoder.next() }
        decoder.append(Ping(token: 1).encoded())
        #expect(throws: WireError.unknownType(0xffff)) { try decoder.next() }
    }

    @Test func `a length above the limit is rejected before any memory is reserved`() {
        for length: UInt32 in [0xffff_ffff, 0x8000_0000, UInt32(WireLimits.beforeLogin) - 3] {
            var decoder = StreamDecoder(limit: WireLimits.beforeLogin)
            var bytes = [UInt8](repeating: 0, count: 4)
            bytes.replace(length, at: 0)
            decoder.append(bytes.prefix(3))
            #expect(throws: Never.self) { try decoder.next() }
            decoder.append(bytes.suffix(1))
            #expect(throws: WireError.oversized(length: Int(length) + 4, limit: WireLimits.beforeLogin)) {
                try decoder.next()
            }
            #expect(decoder.buffered == 4)
        }
    }

    @Test func `the limit applies to the whole message and may change between messages`() throws {
        let longest = Login(username: "", password: String(repeating: "p", count: 1000)).encoded()
        var decoder = StreamDecoder(limit: longest.count - 1)
        decoder.append(longest + longest)
        #expect(throws: WireError.oversized(length: longest.count, limit: longest.count - 1)) { try decoder.next() }
        decoder.limit = longest.count
        guard case .message(_, let first) = try decoder.next() else {
            Issue.record("a message as long as the limit is allowed")
            return
        }
        #expect(first == longest)
        decoder.limit = 8
        #expect(throws: WireError.oversized(length: longest.count, limit: 8)) { try decoder.next() }
    }
}
