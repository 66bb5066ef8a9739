import SecamTestSupport
import SecamWire
import Testing

@Suite struct DamagedMessageTests {
    @Test(arguments: OkVector.all)
    func `a message with damaged bytes is rejected or read as another one`(_ vector: OkVector) throws {
        var random = SeededGenerator(seed: vector.bytes.reduce(0) { $0 &* 31 &+ UInt64($1) })
        for round in 0..<100 {
            var bytes = vector.bytes
            // Half of the rounds keep the envelope, so that the damage reaches the fields.
            let first = round.isMultiple(of: 2) && bytes.count > Envelope.size ? Envelope.size : 0
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let place = Int.random(in: first..<bytes.count, using: &random)
                bytes[place] = [0x00, 0xff, bytes[place] ^ 1 << UInt8.random(in: 0...7, using: &random)]
                    .randomElement(using: &random)!
            }
            try expectSound(bytes)
        }
    }

    @Test(arguments: OkVector.all)
    func `a message that lost or gained bytes is rejected or read as another one`(_ vector: OkVector) throws {
        var random = SeededGenerator(seed: UInt64(vector.bytes.count))
        guard vector.bytes.count > Envelope.size else { return }
        for _ in 0..<50 {
            var bytes = vector.bytes
            let place = Int.random(in: Envelope.size..<bytes.count, using: &random)
            if Bool.random(using: &random) {
                bytes.removeSubrange(place..<min(bytes.count, place + Int.random(in: 1...8, using: &random)))
            } else {
                for _ in 0..<Int.random(in: 1...8, using: &random) {
                    bytes.insert(UInt8.random(in: 0...255, using: &random), at: place)
                }
            }
            bytes.replace(UInt32(bytes.count - 4), at: 0)
            try expectSound(bytes)
        }
    }

    @Test(arguments: KnownMessage.all.map(\.type))
    func `random bytes behind the envelope of any message are rejected or read`(_ type: MessageType) throws {
        var random = SeededGenerator(seed: UInt64(type.rawValue))
        for _ in 0..<200 {
            var bytes = [UInt8](repeating: 0, count: Envelope.size)
            bytes += (0..<Int.random(in: 0...96, using: &random)).map { _ in
                // Small numbers make plausible lengths and counts.
                UInt8.random(in: 0...(Bool.random(using: &random) ? 3 : 255), using: &random)
            }
            bytes.replace(UInt32(bytes.count - 4), at: 0)
            bytes.replace(type.rawValue, at: 4)
            bytes[6] = UInt8.random(in: 1...2, using: &random)
            try expectSound(bytes)
        }
    }

    /// Accepted bytes must survive encoding and decoding; others must give a typed error.
    private func expectSound(_ bytes: [UInt8]) throws {
        let decoded: Decoded
        do throws(WireError) {
            decoded = try KnownMessage.receive(bytes, limit: WireLimits.viewerMessage)
        } catch {
            #expect(!error.description.isEmpty)
            return
        }
        #expect(try KnownMessage.receive(decoded.encoded) == decoded, "\(hexadecimal(bytes))")
    }
}
