import SecamWire
import Testing

@Suite struct ExtremeNumberTests {
    /// Numbers at the limits of types and of the protocol.
    private static let extremes: [UInt64] = [
        0, 1, 0xffff_ffff, 1 << 32, 1 << 48, 1 << 48 + 1, 1 << 61, 1 << 61 + 1, 0x7fff_ffff_ffff_ffff, 1 << 63,
        UInt64(bitPattern: -(1 << 61)), UInt64(bitPattern: -(1 << 61) - 1), .max - 1, .max,
    ]

    /// One message of each type.
    private static let samples: [OkVector] = KnownMessage.all.compactMap { known in
        OkVector.all.filter { $0.message == known.name && !$0.isNewer && $0.bytes.count <= 400 }
            .max { $0.bytes.count < $1.bytes.count }
    }

    @Test(arguments: samples)
    func `a message with extreme numbers is rejected or read as another one`(_ sample: OkVector) throws {
        guard sample.bytes.count >= Envelope.size + 8 else { return }
        for place in Envelope.size...sample.bytes.count - 8 {
            for extreme in Self.extremes {
                var bytes = sample.bytes
                bytes.replace(extreme, at: place)
                guard let decoded = try? KnownMessage.receive(bytes) else { continue }
                let again = try KnownMessage.receive(decoded.encoded)
                #expect(again.fields == decoded.fields, "\(hexadecimal(bytes))")
            }
        }
    }

    @Test func `a range of sequence numbers is within the limit and counts without overflow`() throws {
        let whole = try #require(SequenceRange(0, through: WireLimits.sequence))
        #expect(whole.count == WireLimits.sequence + 1)
        #expect(SequenceRange(1, through: WireLimits.sequence + 1) == nil)
        #expect(SequenceRange(.max, through: .max) == nil)
        #expect(SequenceRange(2, through: 1) == nil)
        #expect(whole.suffix(after: 5) == SequenceRange(6, through: WireLimits.sequence))
        #expect(SequenceRange(7, through: 9)?.suffix(after: 3) == SequenceRange(7, through: 9))
        #expect(whole.suffix(after: WireLimits.sequence) == nil && whole.suffix(after: .max) == nil)
        let many = (0..<65_535).reduce(UInt64(0)) { sum, _ in sum + WireLimits.sequence }
        #expect(many < .max, "the lengths of the ranges add up within 64 bits")
    }

    @Test func `sums and differences are clamped to their type`() {
        #expect(UInt64.max.addingSaturated(1) == .max)
        #expect(UInt64(1).subtractingSaturated(2) == 0)
        #expect(Int64.max.addingSaturated(1) == .max && Int64.min.addingSaturated(-1) == .min)
        #expect(Int64.min.subtractingSaturated(1) == .min && Int64.max.subtractingSaturated(-1) == .max)
        #expect(Int64(5).subtractingSaturated(7) == -2 && UInt8(3).addingSaturated(4) == 7)
    }

    @Test func `bounds of a search outside the valid times are clamped`() throws {
        func decoded<Message: WireMessage>(_ message: Message) throws -> Message {
            let bytes = message.encoded()
            return try Message.decode(bytes.span, Envelope.readWhole(bytes.span, limit: WireLimits.meshMessage))
        }
        let times = WireLimits.times
        let name = try Name("porch")
        let search = try decoded(Search(request: 1, kinds: .all, from: .min, to: .max))
        #expect(search.from == times.lowerBound && search.to == times.upperBound)
        let replay = try decoded(
            Replay(flow: 1, credit: 1, interval: 0, from: .min, to: .max, volume: 1, camera: name))
        #expect(replay.from == times.lowerBound && replay.to == times.upperBound)
        let protect = try decoded(Protect(request: 1, protected: true, from: .min, to: .max, camera: name))
        #expect(protect.from == times.lowerBound && protect.to == times.upperBound)
        #expect(try decoded(Follow(live: true, since: .min)).since == times.lowerBound)
        let open = OpenFlow(flow: 1, content: .jpeg, policy: .every, start: .time(.min), credit: 1)
        #expect(try decoded(open).start == .time(times.lowerBound))
        let resumed = OpenFlow(
            flow: 1, content: .jpeg, policy: .every, start: .sequence(incarnation: 1, .max), credit: 1)
        #expect(try decoded(resumed).start == .sequence(incarnation: 1, WireLimits.sequence))
        #expect(throws: WireError.badValue(field: "to")) {
            try decoded(Search(request: 1, kinds: .all, from: .max - 1, to: .max))
        }
    }
}
